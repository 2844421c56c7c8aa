"""A loaded model under the options of one question; for the server and the page."""
