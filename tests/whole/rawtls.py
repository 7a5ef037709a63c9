"""A TLS client whose records are made by hand after the handshake: of any type, length and number.

The handshake is OpenSSL's, over memory; its secrets come by the key log. AES-128-GCM of libcrypto
encrypts: TLS 1.2 with an ECDHE suite (RFC 5288), TLS 1.3 with TLS_AES_128_GCM_SHA256 (RFC 8446).
"""
import ctypes, ctypes.util, hashlib, hmac, os, socket, ssl, struct, tempfile

ALERT, HANDSHAKE, DATA = 21, 22, 23
_c = ctypes.CDLL("libcrypto.so.3")
for _f in ("EVP_CIPHER_CTX_new", "EVP_aes_128_gcm"):
    getattr(_c, _f).restype = ctypes.c_void_p
_gcm = ctypes.c_void_p(_c.EVP_aes_128_gcm())


def seal(key, nonce, aad, text):
    """AES-128-GCM: ciphertext and tag."""
    ctx = ctypes.c_void_p(_c.EVP_CIPHER_CTX_new())
    n, out, tag = ctypes.c_int(), ctypes.create_string_buffer(len(text) + 16), \
        ctypes.create_string_buffer(16)
    assert _c.EVP_EncryptInit_ex(ctx, _gcm, None, key, nonce) == 1
    assert _c.EVP_EncryptUpdate(ctx, None, ctypes.byref(n), aad, len(aad)) == 1
    if text:
        assert _c.EVP_EncryptUpdate(ctx, out, ctypes.byref(n), text, len(text)) == 1
    assert _c.EVP_EncryptFinal_ex(ctx, None, ctypes.byref(n)) == 1
    assert _c.EVP_CIPHER_CTX_ctrl(ctx, 0x10, 16, tag) == 1  # EVP_CTRL_AEAD_GET_TAG
    _c.EVP_CIPHER_CTX_free(ctx)
    return out.raw[:len(text)] + tag.raw


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def expand_label(secret, label, n):
    """HKDF-Expand-Label of RFC 8446 s7.1, for n up to 32 bytes and no context."""
    label = b"tls13 " + label
    return mac(secret, struct.pack(">HB", n, len(label)) + label + b"\0\1")[:n]


def prf(secret, label, seed, n):
    """RFC 5246 s5."""
    out, a = b"", label + seed
    while len(out) < n:
        a = mac(secret, a)
        out += mac(secret, a + label + seed)
    return out[:n]


class RawTls:
    """A connection to port; version: ssl.TLSVersion. record() makes bytes for send()."""

    def __init__(self, port, version, name="localhost", rcvbuf=None, sock=None):
        self.is_13, self.number = version == ssl.TLSVersion.TLSv1_3, 0
        if not sock:
            sock = socket.socket()
            if rcvbuf:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            sock.connect(("127.0.0.1", port))
        self.sock = sock
        sock.settimeout(10)
        with tempfile.NamedTemporaryFile() as log:
            self.shake_hands(version, name, log)

    def shake_hands(self, version, name, log):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
        ctx.minimum_version = ctx.maximum_version = version
        ctx.set_ciphers("ECDHE+AESGCM:!AES256")
        # Only a suite of TLS 1.3 is allowed; Python has no call for that, OpenSSL has.
        lib, p = ctypes.CDLL("libssl.so.3"), ctypes.c_void_p.from_address(id(ctx) + 16)
        assert lib.SSL_CTX_set_ciphersuites(p, b"TLS_AES_128_GCM_SHA256") == 1
        ctx.keylog_filename = log.name
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ctx.wrap_bio(came, goes, server_hostname=name)
        said = heard = b""
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                out = goes.read()
                said += out
                self.sock.sendall(out)
                got = self.sock.recv(65536)
                assert got, "the handshake was cut"
                heard += got
                came.write(got)
        self.sock.sendall(goes.read())
        self.take_keys(said, heard, dict((x.split()[0], bytes.fromhex(x.split()[2]))
                                         for x in open(log.name) if x[0] != "#"))

    def take_keys(self, said, heard, secrets):
        if self.is_13:
            self.secret = secrets["CLIENT_TRAFFIC_SECRET_0"]
            self.next_key(self.secret)
            return
        block = prf(secrets["CLIENT_RANDOM"], b"key expansion", heard[11:43] + said[11:43], 40)
        self.key, self.iv, self.number = block[:16], block[32:36], 1

    def next_key(self, secret):
        self.secret, self.number = secret, 0
        self.key, self.iv = expand_label(secret, b"key", 16), expand_label(secret, b"iv", 12)

    def record(self, kind, text):
        n, self.number = self.number, self.number + 1
        if self.is_13:
            text += bytes([kind])
            head = struct.pack(">BHH", DATA, 0x303, len(text) + 16)
            nonce = bytes(a ^ b for a, b in zip(self.iv, bytes(4) + struct.pack(">Q", n)))
            return head + seal(self.key, nonce, head, text)
        explicit = struct.pack(">Q", n)
        aad = explicit + struct.pack(">BHH", kind, 0x303, len(text))
        sealed = seal(self.key, self.iv + explicit, aad, text)
        return struct.pack(">BHH", kind, 0x303, len(sealed) + 8) + explicit + sealed

    def key_update(self, wants_answer=True):
        """RFC 8446 s4.6.3."""
        out = self.record(HANDSHAKE, b"\x18\0\0\1" + bytes([wants_answer]))
        self.next_key(expand_label(self.secret, b"traffic upd", 32))
        return out

    def renegotiation(self):
        """A ClientHello in a record of this connection (RFC 5246 s7.4.1.1)."""
        body = b"\3\3" + os.urandom(32) + b"\0" + b"\0\2\xc0\x2b" + b"\1\0"
        return self.record(HANDSHAKE, b"\1" + struct.pack(">I", len(body))[1:] + body)

    def is_cut(self, seconds=10):
        """True when the other side ends the connection; its bytes are thrown away."""
        self.sock.settimeout(seconds)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except (socket.timeout, TimeoutError):
            return False
        except OSError:
            return True

    def close(self):
        self.sock.close()
