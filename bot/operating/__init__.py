"""What the operator of the bot sees of it: health, metrics, logs, alerts, signals, file modes."""
