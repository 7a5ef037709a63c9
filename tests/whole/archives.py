"""An archive (XEP-0313) read from its beginning to its end, for tests that look for each message."""
from tree import *

MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"
WITH = ("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>%s</value></field>"
        "<field var='with'><value>%%s</value></field></x>" % MAM)


def archive(s, of=None, form=""):
    """(id, message) of each entry, in order: of the account of s, or of the room `of`. Other
    elements that come meanwhile are passed over."""
    got, after = [], ""
    while True:
        i = s.next_id()
        s.send("<iq type='set'%s id='%s'><query xmlns='%s'>%s<set xmlns='%s'><max>250</max>%s</set></query></iq>"
               % (" to='%s'" % of if of else "", i, MAM, form, RSM, after))
        while True:
            e = s.expect(lambda e: e.get("id") == i or e.find("{%s}result" % MAM) is not None)
            if e.get("id") == i:
                break
            r = e.find("{%s}result" % MAM)
            got.append((r.get("id"), r.find(".//{%s}message" % CLIENT)))
        assert e.get("type") == "result", ET.tostring(e).decode()
        if e.find("{%s}fin" % MAM).get("complete") == "true":
            return got
        after = "<after>%s</after>" % got[-1][0]


def bodies(entries):
    """(id, body) of entries."""
    return [(i, m.findtext("{%s}body" % CLIENT)) for i, m in entries]
