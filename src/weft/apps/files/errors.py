"""What can be wrong with a request for files, beyond what every request can have wrong (`weft.api.errors`).

RequestError
├── QueryError            search.query       400  words to search for that are not words, "phrases" or prefix*
├── UploadError           file.upload        400  a body that is not one file and what is said of it
├── MetadataError         file.metadata      400  metadata with an unknown field or a bad value
├── FilePrivateError      file.private       403  a file that is not shared with the caller
├── CollectionPrivateError  collection.private  403  a collection that the caller is no member of
├── ReadersError          file.readers       409  a file of these bytes is there, and others may see it
├── OffsetError           upload.offset      409  a piece that does not begin where the upload ends
├── OvertakenError        upload.overtaken   409  a later request has taken the upload over
├── IncompleteError       upload.incomplete  409  a file is to be made of an upload that is not all there
├── DigestError           upload.digest      422  content of another SHA-256 than was announced
├── FileSizeError         file.size          413  a file beyond the bound of this node
├── RangeError            file.range         416  a range that the content does not have
├── IndexAwayError        index.away         503  the server that keeps this node's index does not answer
├── BlobStoreError        blob.store         503  the bucket cannot be reached, or refuses
└── UnknownError
    ├── DraftUnknownError     upload.unknown     404  no upload of that id for this caller at this node
    ├── CollectionUnknownError  collection.unknown  404  no collection of that id
    ├── FileUnknownError      file.unknown       404  no file of that id
    └── ThumbnailError        file.thumbnail     404  content of which no picture can be made
"""

from weft.api.errors import RequestError, UnknownError


class QueryError(RequestError):
    code = "search.query"
    fix = 'Write words, "phrases in quotes" and prefix*; close every quote.'


class UploadError(RequestError):
    code = "file.upload"
    fix = (
        "Send multipart/form-data with a part `file`; if wished, with parts `metadata` and `readers` in JSON."
    )


class MetadataError(RequestError):
    code = "file.metadata"
    fix = "Send an object of title, description, tags, taken_at, location, custom (docs/reference/files.md)."


class FilePrivateError(RequestError):
    """Carries `id`, `owner` and `account`, who asked. That the file is there stands on the ledger."""

    code = "file.private"
    status = 403
    fix = "Ask with a token of an account that may see it, or ask its owner to share it (weft files share)."


class CollectionPrivateError(RequestError):
    """Carries `id`, `owner` and `account`, who asked."""

    code = "collection.private"
    status = 403
    fix = "Ask with a token of a member, or ask its owner to share it (weft collections share)."


class ReadersError(RequestError):
    """Carries `id` of the file."""

    code = "file.readers"
    status = 409
    fix = "Change who may see the file that is there (weft files share), or upload without saying who may."


class OffsetError(RequestError):
    """Carries how many bytes are there as the member `offset`."""

    code = "upload.offset"
    status = 409
    fix = "Go on at the byte that Upload-Offset names; HEAD tells it."


class OvertakenError(RequestError):
    code = "upload.overtaken"
    status = 409
    fix = "Let one request at a time go on with an upload; ask for the offset with HEAD."


class IncompleteError(RequestError):
    """Carries how many bytes are there as the member `offset`."""

    code = "upload.incomplete"
    status = 409
    fix = "Send the rest with PATCH first."


class DigestError(RequestError):
    code = "upload.digest"
    status = 422
    fix = "The file changed while it was sent: begin a new upload of what it holds now."


class FileSizeError(RequestError):
    code = "file.size"
    status = 413
    fix = "Send a smaller file, or raise the bound in the settings of this node."


class IndexAwayError(RequestError):
    code = "index.away"
    status = 503
    fix = (
        "Ask another node, or see that the server named by files.index runs; the node goes on by itself then."
    )


class RangeError(RequestError):
    code = "file.range"
    status = 416
    fix = "Ask for bytes that the content has; its size is in Content-Range."


class BlobStoreError(RequestError):
    code = "blob.store"
    status = 503
    fix = (
        "Try again or through another node; if it stays, check the bucket, its address and the credentials "
        "(docs/operate/blobs.md)."
    )


class DraftUnknownError(UnknownError):
    code = "upload.unknown"
    fix = "Begin a new upload: one that gets nothing for a day is destroyed, and only its own node knows it."


class CollectionUnknownError(UnknownError):
    code = "collection.unknown"


class FileUnknownError(UnknownError):
    code = "file.unknown"


class ThumbnailError(UnknownError):
    code = "file.thumbnail"
    fix = (
        "Fetch the content itself; thumbnails are made of JPEG, PNG, WebP, GIF, TIFF, BMP and AVIF pictures."
    )
