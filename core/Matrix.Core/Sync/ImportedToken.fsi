namespace Matrix.Core.Sync

open System.Runtime.InteropServices

/// How far a stream of Synapse had come, which several of its processes may write: all of them to one position, and
/// some of them further.
[<Sealed>]
type ImportedClock =

    /// The position that all processes had reached: whoever goes on from here misses nothing.
    member Least: int64

    /// The greatest position of any process.
    member Greatest: int64

    /// The position that a process had reached, by its number in Synapse's `instance_map`.
    member Of: writer: int64 -> int64

/// A token that Synapse handed out: of sync, or of a page of a room. An import keeps the numbers of Synapse's streams,
/// so that its clients go on where they were.
///
/// Synapse adds parts as it grows: 10 in version 1.100, 14 in 1.160. What a part means follows from its place alone, so
/// a missing one is 0, as with Synapse, and further ones are not looked at. The first part has one of three forms:
/// `s` and a stream position, `m` and a clock, `t` and a depth with a stream position. A page of threads ends with a
/// depth and a stream position alone.
[<Sealed>]
type ImportedToken =

    /// Reads a token; false for any other text.
    static member TryParse: text: string * [<Out>] token: byref<ImportedToken> -> bool

    /// The text that was read.
    member Text: string

    /// The depth of the event that the position follows; none for a position in the order of arrival.
    member Depth: System.Nullable<int64>

    /// The position among events. It is negative in history that was fetched, as the event's is that it follows.
    member Events: ImportedClock

    member Receipts: ImportedClock

    member AccountData: ImportedClock

    member PushRules: ImportedClock

    member ToDevice: ImportedClock

    member DeviceLists: ImportedClock

    member ThreadSubscriptions: ImportedClock

    /// The position among changes of presence.
    member Presence: ImportedClock

    /// The greatest position of a part that is looked at.
    member Greatest: int64
