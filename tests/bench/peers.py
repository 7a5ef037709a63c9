"""The servers that tabber is compared with."""
PEERS = []
