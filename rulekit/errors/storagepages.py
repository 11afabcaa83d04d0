"""Pages of `rulekit explain` for stored files."""

from __future__ import annotations

STORAGE_PAGES: dict[str, str] = {
    "RK0640": """\
stored files without an account
The workflow has stored files (`az://container/file`, --default-remote-prefix), and nothing says in
which storage account they are. These are read, the first that is set counts:
    AZ_BLOB_ACCOUNT_URL               https://NAME.blob.core.windows.net, with a SAS or without
      AZ_BLOB_CREDENTIAL              the key of the account, or a SAS (not needed with az login)
    AZURE_STORAGE_CONNECTION_STRING
    AZURE_STORAGE_ACCOUNT             with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN
An emulator on this machine is http://127.0.0.1:10000/devstoreaccount1.""",
    "RK0641": """\
an account's URL or credential that cannot be used
The URL of an account is https://NAME.blob.core.windows.net, that of another cloud or a domain of
your own, or http://127.0.0.1:10000/devstoreaccount1 for an emulator. A credential is the key of the
account (88 characters of base64) or a SAS (`sv=...&se=...&sp=...&sig=...`, in any order, with `?`
or without). A shell cuts a SAS at the first `&`: put it into single quotes.""",
    "RK0642": """\
a name that cannot be stored
Blob Storage takes names of up to 1,024 characters, without control characters and backslashes, and
no part between slashes may be empty or end with a dot. Blanks, `#`, `%`, umlauts and braces are
fine. Choose another name, or keep the file on this disk: `local("name.")`.""",
    "RK0643": """\
access to stored files is refused
The account is there and the credential is right, but does not allow what is needed. A run lists,
reads, writes and, for temporary files, deletes. A SAS needs the letters r, a, c, w, d and l in
`sp=`, an account SAS also `ss=b` and `srt=co`. An identity needs the role Storage Blob Data
Contributor; Owner or Contributor alone do not open blobs. New roles take some minutes.""",
    "RK0644": """\
there is no such container
The first part of a stored name (`az://CONTAINER/...`, --default-remote-prefix CONTAINER/...) is a
container. A run makes the container it writes to if the credential allows that; a SAS for a single
container does not. One that is only read is never made. Names of containers are 3 to 63 small
letters, digits and `-`.""",
    "RK0645": """\
a SAS outside of its dates
The token has expired, or is not valid yet (`st=` and `se=` hold its dates, in UTC). Make a new one
that outlives the run, and start it some minutes in the past: clocks differ.""",
    "RK0646": """\
the storage service cannot be reached
The request got no answer at all: the name is not known, the connection is refused or breaks, or a
certificate is not trusted. It was tried several times. Check the account's name, the network, and
HTTPS_PROXY and REQUESTS_CA_BUNDLE.""",
    "RK0647": """\
no identity for stored files
No key and no SAS was given, so an identity was looked for: variables of a service principal
(AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_CLIENT_SECRET), a workload or managed identity, `az login`.
None of them gave a token. Log in, or give AZ_BLOB_CREDENTIAL.""",
    "RK0648": """\
a key or signature that the account does not know
The key is of another account or was rotated, or a SAS is of another account or container or was cut
(put it into quotes).""",
    "RK0649": """\
the clock of this machine is wrong
Signatures of requests hold the time, and the service refuses those that are more than 15 minutes
off. Set the clock.""",
    "RK0650": """\
there is no such blob
It was removed since the plan was made, or its name is not written exactly so: names of blobs are
compared with their case.""",
    "RK0651": """\
a transfer that did not come out right
What came is not what the service has (its MD5 differs), or the blob was changed meanwhile. Nothing
was put in place. Run again.""",
    "RK0652": """\
the storage service gave an answer that was not expected
The note has its own words. Requests were repeated where that can help.""",
    "RK0653": """\
a stored name that cannot be understood
Stored files are written `az://container/path` or `az://account/container/path` (`ab://` means the
same), with wildcards in the path. In `storage.azure(...)` and `AzBlob.RemoteProvider().remote(...)`
the URL https://NAME.blob.core.windows.net/container/path is understood, too.""",
    "RK0654": """\
a storage provider that is not available
Azure Blob Storage (`azure`, `AzBlob`), web servers (`http`, to be read only, without passwords) and
files of this disk (`fs`) are. For others, fetch the file in a rule of its own (`curl`,
`aws s3 cp`, `gsutil cp`) that is a local rule if the nodes have no network, or keep the files on a
mounted disk.""",
    "RK0655": """\
a SAS that may end before the run
The token expires soon. Jobs that are running then cannot upload their results. Make one that lives
longer, or use a key or an identity.""",
    "RK0656": """\
settings of storage that cannot be used
`storage TAG: provider="azure", endpoint_url="https://NAME.blob.core.windows.net"` configures an
account; `account_name`, `access_key` and `sas_token` are known, too. --default-storage-prefix is
`az://container/prefix`, --default-remote-prefix is `container/prefix`. For files of this disk,
`storage: provider="fs"` and `--default-storage-provider fs`, the prefix is a folder.""",
    "RK0658": """\
nodes cannot get a token for storage
Nodes get a SAS that is made from the driver's login (a user delegation SAS). That takes the role
Storage Blob Delegator on the account, and works for one container. An identity on the pool
(BATCH_MANAGED_IDENTITY_CLIENT_ID), a key, or a SAS of your own do without.""",
    "RK0692": """\
a container that is not there yet
A run makes the containers that its jobs write to, as Snakemake does, right before its first job; a
dry run makes nothing, and says which. If the name is wrong, it is best seen now.""",
    "RK0693": """\
a start script that is too long
The script of BATCH_NODE_START_TASK_SAS_URL travels in the command line of the pool's start task, so
that the signature of its URL is in no definition that others can read. Packed it may have 60,000
bytes, which is a script of about 150 kB. Keep a short one that fetches the rest, or have what it
installs in a machine image.""",
    "RK0657": """\
a file on this disk that cannot be transferred
The message has the reason the system gives, often a full disk or missing rights.""",
    "RK0464": """\
nothing is known of an input on a web server
The server gives no answer, or refuses it, and there is no copy of an earlier run. The message has
the reason. `curl -I ADDRESS` asks the same. Servers that want a password are not read: fetch such
files in a rule of its own.""",
    "RK0465": """\
an input on a web server cannot be fetched
The server told of the file and then did not give it, or not whole. Nothing half-made is kept: run
the same command again.""",
    "RK0466": """\
files on web servers and in Azure Blob Storage in one run
Jobs on other machines do not see the copies of files of web servers, which are on this one. Fetch
such files in a rule of its own (`curl -fsSL -o {output} ADDRESS`), or put them there with
`rulekit azure upload`.""",
    "RK0467": """\
an output on a web server
Files of web servers can only be read. Let the rule write a file, and upload it in its command.""",
}
