@_exported public import SiltBytes
@_exported public import SiltModel
@_exported public import SiltStream
