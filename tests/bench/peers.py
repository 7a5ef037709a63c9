"""The servers that tabber is compared with."""
from ejabberd import Ejabberd
from jabberd2 import Jabberd2
from prosody import Prosody

PEERS = [Ejabberd, Prosody, Jabberd2]
