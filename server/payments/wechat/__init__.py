"""WeChat Pay, API v3: on a phone H5, elsewhere native with a code to scan."""
