namespace Matrix.Core.Room.Incoming.Fetching

open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Protocol

/// The part of a page of history that gets its place in the timeline.
[<Sealed>]
type HistoryPart =

    /// The events of the page that are not here, without those that a missing event may come after.
    member Events: IReadOnlyList<ReceivedEvent>

    /// These, and those that lie before a missing event: the same, whatever depths the server claims.
    member Reached: IReadOnlyList<ReceivedEvent>

    /// The missing events before the followers, those that may be the latest first. Those of the page that are left for
    /// the next one are among them.
    member Missing: IReadOnlyList<string>

    /// Whether some of the page wait only for missing events before the earlier followers, which may come after them.
    member IsHeldBack: bool

    /// Whether there are no events of the page for the place, and some that lie before the earlier followers, too.
    member LeavesToEarlier: bool

/// A page of history that a server returned: events before others that this server has.
[<Sealed>]
type HistoryPage =

    /// Reads a page. `followers` are events that are here and name missing ones in `prev_events`, and `earlier` those
    /// of places further down, which get what lies before both. Only events from which the followers descend are
    /// taken: others are no history here, and would be decided without the checks of events that come live.
    static member Of:
        followers: IReadOnlyCollection<Pdu> *
        earlier: IReadOnlyCollection<Pdu> *
        returned: IReadOnlyCollection<ReceivedEvent> ->
            HistoryPage

    /// The returned events from which the followers descend, the nearest to these first.
    member Events: IReadOnlyList<ReceivedEvent>

    /// The ids of these events and of those that lie before the earlier followers, and all that they and the
    /// followers name in `prev_events`.
    member Ids: IReadOnlyCollection<string>

    /// The events that are not here and lie before the followers, and not before the earlier ones, without one that is
    /// here between, as far as no missing event can come after them: it would get a number below those of the events
    /// before it. A branch of the
    /// page may go back further than another one. A missing event is less deep than each event that names it: only
    /// events of the page that are deep enough cannot come before it.
    ///
    /// `here` are those of `Ids` that this server has with a place in the graph, and `bounds` the greatest depths that
    /// missing events can have, as `Absent` says; `earlierMax` is that of each missing event before the earlier
    /// followers. Before the events of the part name more than `mostNamed` others in `prev_events`, the rest is left
    /// for the next page: the state after each of them that is here is looked up, and one event may name more than a
    /// thousand. The part has at least one event.
    member Newest:
        here: IReadOnlySet<string> * bounds: IReadOnlyDictionary<string, int64> * earlierMax: int64 * mostNamed: int ->
            HistoryPart

    /// The greatest depth that an event can have which a server left out of a page. Servers return the deepest events
    /// first: what they left out is no deeper than the least deep one that they returned. If they returned all events
    /// before those of the page, they do not have others, and no place is kept for these: the depth is the least one.
    static member Bound: returned: IReadOnlyCollection<ReceivedEvent> -> int64

    /// The requested events that a server did not return, and the greatest depth that each can have.
    static member Absent:
        requested: IReadOnlyCollection<string> * returned: IReadOnlyCollection<ReceivedEvent> ->
            IReadOnlyDictionary<string, int64>
