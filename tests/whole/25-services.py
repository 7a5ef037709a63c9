#!/usr/bin/python3
"""Services of the administrator's own, under s6."""
from own_services import *

play(runit=False)
