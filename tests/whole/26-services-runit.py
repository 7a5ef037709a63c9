#!/usr/bin/python3
"""Services of the administrator's own, under runit."""
from own_services import *

play(runit=True)
