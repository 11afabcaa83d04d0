"""A relocatable archive of an environment, for machines that cannot or should not install it.

FORMAT (``rulekit-environment-1``): a tar file, compressed with gzip, with these members in order.

1. ``.rulekit/pack.json``, JSON in UTF-8::

       {"format": "rulekit-environment-1",
        "identity": "<sha256>", "platform": "linux-64",
        "prefix": "/…",                  the path that stands in the files; 200 bytes long
        "text":   ["bin/tool", …],       files with the prefix in them that hold no NUL
        "binary": ["lib/libx.so", …],    the same of files that hold NUL
        "links":  ["bin/link", …],       symbolic links whose target begins with the prefix
        "activate": ".rulekit/activate.sh"}

2. all folders, files and symbolic links of the environment, sorted by name, below no top folder
   (``bin/…``, ``lib/…``, ``conda-meta/…``); hard links are written as files. Modes are 0644, 0755
   (whatever is executable) or 0777 for links; owner and group are 0. There are no devices, no
   absolute names and no ``..``. Targets of symbolic links are relative and stay inside, except
   those of ``links``.

TO USE IT at a folder DEST (absolute, at most 200 bytes): unpack below DEST; then for each file of

* ``text``: replace every occurrence of the prefix by DEST (the length changes);
* ``binary``: in every NUL-terminated string that holds the prefix replace all its occurrences by
  DEST, and put as many NUL bytes at the end of that string as were saved (the length of the file
  stays);
* ``links``: make the link anew with DEST in place of the prefix.

Files are replaced by new ones (write beside, rename), as they may be hard links elsewhere; modes
are kept. Nothing else holds the prefix: the maker has read every byte. ``activate.sh`` is a
``text`` file of its own list. The mark that the folder is complete is the business of who unpacks.
The same environment gives the same bytes on every machine.
"""
