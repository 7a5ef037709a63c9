"""jabberd2 under test: its four programs but for s2s, sqlite as Debian configures it. It has no
archive."""
import contextlib, gzip, os, sqlite3, time

from server import DOMAIN, FILES_MOST, PASSWORD, USER, Server, certificate
from tree import free_port

PLUGINS = "/usr/lib/x86_64-linux-gnu/jabberd2"
SCHEMA = "/usr/share/doc/jabberd2/db-setup.sqlite.gz"

LOG = """<log type="file"><file>%(dir)s/%(part)s.log</file></log>
<pidfile>%(dir)s/%(part)s.pid</pidfile>"""
LINK = """<router><ip>127.0.0.1</ip><port>%(router)d</port><user>jabberd</user>
<pass>secret</pass><retry><init>20</init><lost>3</lost><sleep>1</sleep></retry></router>"""
SQLITE = """<sqlite><dbname>%(dir)s/data/sqlite.db</dbname>
<sql>PRAGMA synchronous = NORMAL;</sql><busy-timeout>2000</busy-timeout>
<password_type><plaintext/></password_type></sqlite>"""
IO = """<io><max_fds>%(files)d</max_fds><limits><bytes>0</bytes><stanzas>0</stanzas>
<connects>0</connects><stanzasize>0</stanzasize></limits></io>"""

PARTS = {
    "router": """<router><id>router</id>""" + LOG + """
<local><ip>127.0.0.1</ip><port>%(router)d</port><users>%(dir)s/users.xml</users>
<secret>secret</secret></local>""" + IO + """
<aci><acl type="all"><user>jabberd</user></acl></aci></router>""",
    "sm": """<sm><id>sm</id>""" + LINK + LOG + """
<local><id>%(domain)s</id></local>
<storage><path>%(plugins)s</path><driver>sqlite</driver>""" + SQLITE + """</storage>
%(chains)s</sm>""",
    "c2s": """<c2s><id>c2s</id>""" + LINK + LOG + """
<local><id require-starttls="mu" pemfile="%(cert)s/both.pem">%(domain)s</id>
<ip>127.0.0.1</ip><port>%(port)d</port></local>""" + IO + """
<authreg><path>%(plugins)s</path><module>sqlite</module>
<mechanisms><traditional/><sasl/></mechanisms>
<ssl-mechanisms><traditional/><sasl><plain/><scram-sha-1/><scram-sha-256/></sasl>
</ssl-mechanisms>""" + SQLITE + """</authreg></c2s>""",
}
