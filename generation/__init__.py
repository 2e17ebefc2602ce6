"""The heart: decides, runs and tells; knows neither Discord nor SQL nor HTTP."""
