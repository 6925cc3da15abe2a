using Matrix.Core.Event;
using Matrix.Core.Search;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Search;

namespace Matrix.Host.Rooms.Searching;

/// <summary>What one search reads: the rooms of its user, and which hits the user may see.</summary>
internal sealed class SearchScope(
    RoomAccess access,
    Visibility visibility,
    ErasedUsers erased,
    IMembershipsTable members,
    EventStore events,
    SearchCriteria criteria,
    SearchTerm[] terms,
    IReadOnlySet<string> ignored,
    int wordsOfEvent,
    IReadOnlyDictionary<RoomNid, UserRoomRow> rooms)
{
    private readonly Dictionary<RoomNid, Readable?> _readable = [];
    private readonly Dictionary<EventNid, StoredEvent?> _seen = [];

    /// <summary>The rooms, by number.</summary>
    public IReadOnlyDictionary<RoomNid, UserRoomRow> Rooms => rooms;

    /// <summary>
    /// Whether an event is in a room of the user, and not after they left it. Where they left on a branch, its end is
    /// found when the hit is looked at.
    /// </summary>
    public bool MayContain(EventNid nid) =>
        rooms.TryGetValue(nid.Room, out var room)
        && (room.Membership == Membership.Join || !room.Event.IsLive || nid.Value <= room.Event.Value);

    /// <summary>The part of a room that the user may search; null if none, or if the room is encrypted.</summary>
    public async ValueTask<Readable?> ReadableAsync(RoomNid nid, CancellationToken stop)
    {
        if (_readable.TryGetValue(nid, out var known)) return known;
        var result = await access.OfAsync(criteria.UserId, rooms[nid].RoomId, stop);
        var readable = result.IsOk && IsSearched(rooms[nid].Membership, result.Value) ? result.Value : null;
        _readable.Add(nid, readable);
        return readable;
    }

    /// <summary>
    /// Whether nothing that the user sees is left out: by the filter, by a group of hits, or as an ignored user's.
    /// </summary>
    public bool FindsAll =>
        criteria.Filter.AdmitsAll && criteria.From?.Group is not { IsRoom: false } && ignored.Count == 0;

    /// <summary>Whether the user surely sees every event of a room since one, and its text.</summary>
    public async ValueTask<bool> SeesAllSinceAsync(Readable readable, EventNid since, CancellationToken stop) =>
        await visibility.SeesAllSinceAsync(readable.Room, since, readable.Viewer, stop)
        && !await erased.MayHideAsync(readable.Room, members, readable.Viewer, stop);

    /// <summary>
    /// The events of hits that the user may see and that the filter admits. The text that the user sees has the words:
    /// the index may be behind, and know an edit that the user does not.
    /// </summary>
    public async ValueTask<IReadOnlyDictionary<EventNid, StoredEvent?>> SeenAsync(
        IReadOnlyCollection<SearchRow> hits, CancellationToken stop)
    {
        foreach (var room in hits.Where(hit => !_seen.ContainsKey(hit.Event)).GroupBy(hit => hit.Event.Room))
        {
            foreach (var hit in room) _seen[hit.Event] = null;
            if (await ReadableAsync(room.Key, stop) is not { } readable) continue;
            var nids = room.SelectMany(hit => new[] { hit.Event, hit.Text }).Distinct().ToArray();
            var found = await events.GetManyAsync(readable.Room, nids, stop);
            var shown = found
                .Where(stored => stored is { IsShown: true, IsRedacted: false } && IsWithin(readable, stored))
                .ToList();
            var visible = (await visibility.FilterAsync(readable.Room, shown, readable.Viewer, stop))
                .ToDictionary(stored => stored.Nid);
            foreach (var hit in room)
            {
                if (visible.TryGetValue(hit.Event, out var stored)
                    && visible.TryGetValue(hit.Text, out var source)
                    && Admits(stored)
                    && HasWords(stored, source))
                {
                    _seen[hit.Event] = stored;
                }
            }
        }

        return _seen;
    }

    /// <summary>
    /// A room that is not encrypted, and which the user was in: others who are invited or knock have no part of it.
    /// </summary>
    private static bool IsSearched(Membership membership, Readable readable) =>
        readable.State.Find(EventTypes.Encryption, "") is null
        && (membership is not (Membership.Invite or Membership.Knock) || !readable.Viewer.LastJoined.IsNone);

    private static bool IsWithin(Readable readable, StoredEvent stored) =>
        stored.Nid.Value <= readable.Through.Value;

    private bool Admits(StoredEvent stored) =>
        EventPages.Admits(criteria.Filter, stored)
        && (criteria.From?.Group is not { IsRoom: false } group || group.Value == stored.Row.Sender)
        && (!ignored.Contains(stored.Row.Sender) || (stored.Row.Marks & EventMarks.State) != 0);

    private bool HasWords(StoredEvent stored, StoredEvent source)
    {
        var content = source == stored ? stored.Pdu.Content : SearchedText.NewContent(source.Pdu.Content);
        return content is not null
            && SearchedText.Of(stored.Pdu.Type, content) is { } text
            && SearchWords.Match(terms, SearchWords.Of(text.Text, wordsOfEvent));
    }
}
