namespace Matrix.Core.Discovery

/// The order in which the targets of SRV records are tried. RFC 2782, "Usage rules".
[<RequireQualifiedAccess>]
module ServiceOrder =

    /// The records by rising priority. Among the same priority, a record is drawn with a probability in proportion to
    /// its weight, again and again. The same number gives the same order.
    val order: random: uint64 -> records: ServiceRecord[] -> ServiceRecord[]
