"""What can be wrong with a request for files, beyond what every request can have wrong (`weft.api.errors`).

RequestError
├── QueryError            search.query       400  words to search for that are not words, "phrases" or prefix*
├── UploadError           file.upload        400  a body that is not one file and its metadata
├── MetadataError         file.metadata      400  metadata with an unknown field or a bad value
├── FileSizeError         file.size          413  a file beyond the bound of this node
├── RangeError            file.range         416  a range that the content does not have
└── UnknownError
    ├── FileUnknownError      file.unknown       404  no file of that id
    └── ThumbnailError        file.thumbnail     404  content of which no picture can be made
"""

from weft.api.errors import RequestError, UnknownError


class QueryError(RequestError):
    code = "search.query"
    fix = 'Write words, "phrases in quotes" and prefix*; close every quote.'


class UploadError(RequestError):
    code = "file.upload"
    fix = "Send multipart/form-data with a part `file` and, if wished, a part `metadata` holding JSON."


class MetadataError(RequestError):
    code = "file.metadata"
    fix = "Send an object of title, description, tags, taken_at, location, custom (docs/reference/files.md)."


class FileSizeError(RequestError):
    code = "file.size"
    status = 413
    fix = "Send a smaller file, or raise the bound in the settings of this node."


class RangeError(RequestError):
    code = "file.range"
    status = 416
    fix = "Ask for bytes that the content has; its size is in Content-Range."


class FileUnknownError(UnknownError):
    code = "file.unknown"


class ThumbnailError(UnknownError):
    code = "file.thumbnail"
    fix = (
        "Fetch the content itself; thumbnails are made of JPEG, PNG, WebP, GIF, TIFF, BMP and AVIF pictures."
    )
