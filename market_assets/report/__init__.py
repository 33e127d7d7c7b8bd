"""What the market looks like, for people: an HTML page with plots, and a summary for the terminal.

`tables` is the input of both, `selections` picks what is shown; `page` puts the page together out of
`sections`, `markup` and `plots`; `terminal` makes the summary. No Dagster, no SQL, no HTTP, no clock.
"""
