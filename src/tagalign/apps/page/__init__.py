"""The web page: look at one photo, compare two methods, review a folder."""
