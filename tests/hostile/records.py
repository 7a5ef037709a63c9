"""TLS 1.2 records by hand, for what no TLS library sends: the handshake is OpenSSL's, and the keys
are computed from its key log (RFC 5246 s6.3, RFC 5288)."""
import ctypes, hashlib, hmac, struct

from attack import *

CRYPTO = ctypes.CDLL("libcrypto.so.3")
for f, args in (("EVP_CIPHER_CTX_new", 0), ("EVP_aes_128_gcm", 0), ("EVP_aes_256_gcm", 0)):
    getattr(CRYPTO, f).restype = ctypes.c_void_p


def prf(secret, label, seed, n, digest):
    """RFC 5246 s5."""
    out, a = b"", label + seed
    while len(out) < n:
        a = hmac.new(secret, a, digest).digest()
        out += hmac.new(secret, a + label + seed, digest).digest()
    return out[:n]


class Records:
    """A session of TLS 1.2 with AES-GCM, and what its client writes behind its Finished."""

    def __init__(self, tree):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        ctx.set_ciphers("ECDHE+AESGCM")
        ctx.keylog_filename = tree.dir + "/keys"
        self.tls = ctx.wrap_socket(socket.create_connection(("127.0.0.1", tree.tls_port)),
                                   server_hostname="localhost")
        with open(ctx.keylog_filename) as f:
            _, random, master = f.read().splitlines()[-1].split()
        size, digest = ((32, hashlib.sha384) if "256" in self.tls.cipher()[0] else
                        (16, hashlib.sha256))
        block = prf(bytes.fromhex(master), b"key expansion", server_random(self.tls) +
                    bytes.fromhex(random), 2 * size + 8, digest)
        self.key, self.salt = block[:size], block[2 * size:2 * size + 4]
        self.cipher = CRYPTO.EVP_aes_256_gcm() if size == 32 else CRYPTO.EVP_aes_128_gcm()
        self.number = 1         # the Finished was 0
        self.sock = socket.socket(fileno=os.dup(self.tls.fileno()))

    def record(self, kind, data):
        head = struct.pack(">Q", self.number)
        aad = head + struct.pack(">BHH", kind, 0x303, len(data))
        self.number += 1
        sealed = seal(self.cipher, self.key, self.salt + head, aad, data)
        return struct.pack(">BHH", kind, 0x303, 8 + len(sealed)) + head + sealed


def server_random(sock):
    out = ctypes.create_string_buffer(32)
    p = ctypes.c_void_p.from_address(id(sock._sslobj) + 24)
    ctypes.CDLL("libssl.so.3").SSL_get_server_random(p, out, ctypes.c_size_t(32))
    return out.raw


def seal(cipher, key, nonce, aad, data):
    """AES-GCM: what is sealed, its tag behind."""
    ctx = ctypes.c_void_p(CRYPTO.EVP_CIPHER_CTX_new())
    out, n = ctypes.create_string_buffer(len(data) + 32), ctypes.c_int()
    tag = ctypes.create_string_buffer(16)
    CRYPTO.EVP_EncryptInit_ex(ctx, ctypes.c_void_p(cipher), None, key, nonce)
    CRYPTO.EVP_EncryptUpdate(ctx, None, ctypes.byref(n), aad, len(aad))
    CRYPTO.EVP_EncryptUpdate(ctx, out, ctypes.byref(n), data, len(data))
    CRYPTO.EVP_EncryptFinal_ex(ctx, ctypes.byref(out, n.value), ctypes.byref(ctypes.c_int()))
    CRYPTO.EVP_CIPHER_CTX_ctrl(ctx, 0x10, 16, tag)      # EVP_CTRL_AEAD_GET_TAG
    CRYPTO.EVP_CIPHER_CTX_free(ctx)
    return out.raw[:len(data)] + tag.raw
