"""The core: accepts, runs and delivers generations, without Discord, SQL or HTTP."""
