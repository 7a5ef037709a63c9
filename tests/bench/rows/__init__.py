"""The rows of the table, in the order of the names of the files here. Each file has a list ROWS;
the server's class is chosen, and the row measured, as loads.Row says."""
import glob, importlib, os

ROWS = []
for path in sorted(glob.glob(os.path.dirname(os.path.abspath(__file__)) + "/[0-9]*.py")):
    ROWS += importlib.import_module("rows." + os.path.basename(path)[:-3]).ROWS
