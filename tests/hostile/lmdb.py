"""Writing to a table of a store (lib/store) beside the program that owns it, for what would take
minutes by its clients: liblmdb by hand."""
import ctypes

LMDB = ctypes.CDLL("liblmdb.so.0")
CREATE, MAP = 0x40000, 1 << 30


class Value(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_char_p)]


def checked(rc):
    if rc:
        raise OSError("lmdb: error %d" % rc)


def fill_table(folder, name, n, entry):
    """Put n entries, key and value of entry(number), into a table, in one transaction."""
    env, txn, dbi = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint()
    checked(LMDB.mdb_env_create(ctypes.byref(env)))
    checked(LMDB.mdb_env_set_mapsize(env, ctypes.c_size_t(MAP)))
    checked(LMDB.mdb_env_set_maxdbs(env, 16))
    checked(LMDB.mdb_env_open(env, folder.encode(), 0, 0o640))
    checked(LMDB.mdb_txn_begin(env, None, 0, ctypes.byref(txn)))
    checked(LMDB.mdb_dbi_open(txn, name, CREATE, ctypes.byref(dbi)))
    for i in range(n):
        k, v = (Value(len(x), x) for x in entry(i))
        checked(LMDB.mdb_put(txn, dbi, ctypes.byref(k), ctypes.byref(v), 0))
    checked(LMDB.mdb_txn_commit(txn))
    LMDB.mdb_env_close(env)
