"""Alerts: what is wrong is found, remembered, and told to people once when it begins and once when it is over."""
