using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// Finds the rooms of a connection's lists and subscriptions that may have news. While the request is the same and the
/// notifier reaches back, these are the rooms that changed, and the cost follows them; otherwise all rooms of the
/// windows are compared with what the client has.
/// </summary>
internal sealed class ListMatcher(UserRoomsCache cache, UserRoomsReader reader)
{
    /// <summary>The lists of a user that are kept in order, if no request has more.</summary>
    private const int UsualViews = 32;

    /// <summary>Sets the matches of a pass, writes `lists`, and returns whether the request is a new one.</summary>
    public async ValueTask<bool> MatchAsync(SlidingPass pass, CancellationToken stop)
    {
        var rooms = cache.Of(pass.Reader.UserId);
        var changed = new List<UpdatedRoom>();
        var isLive = pass.Stream is { } stream
            && pass.Base.Pos is { } pos
            && stream.TryCollect(pos.Token.Position, pos.Token.EphemeralIn(pass.Epoch), changed);
        if (isLive) pass.Changed = changed;

        await rooms.Gate.WaitAsync(stop);
        try
        {
            await reader.UpdateAsync(rooms, pass.Stream, pass.UpTo, stop);
            var lists = new List<Window>();
            var most = Math.Max(UsualViews, pass.Request.Body.Lists.Count);
            foreach (var list in pass.Request.Body.Lists)
            {
                var view = await reader.ViewAsync(rooms, list.Filter, most, stop);
                var window = new Window(list, view);
                lists.Add(window);
                pass.Next.Lists[list.Name] = new SentList(list.Hash, window.Version);
            }

            cache.Grown(rooms);
            pass.Next.Settings = SettingsOf(pass.Request.Body);
            WriteLists(pass, lists);
            var isOther = IsOther(pass);
            pass.Matches = Matches(pass, rooms, lists, changed, isLive && !isOther);
            return isOther;
        }
        finally
        {
            rooms.Gate.Release();
        }
    }

    /// <summary>Whether the client asks for something else than last time.</summary>
    private static bool IsOther(SlidingPass pass) =>
        pass.Base.Settings != pass.Next.Settings
        || pass.Base.Lists.Count != pass.Next.Lists.Count
        || pass.Next.Lists.Any(list => pass.Base.Lists.GetValueOrDefault(list.Key).Hash != list.Value.Hash);

    /// <summary>The subscriptions and the extensions' settings: if they change, all rooms are looked at.</summary>
    private static string SettingsOf(SlidingBody body)
    {
        var lines = body.Subscriptions
            .Select(each => $"{each.RoomId}\n{each.Config.TimelineLimit}\n{each.Config.RequiredState.Text}")
            .Concat(body.Extensions.Where(each => each.IsEnabled).Select(each =>
                $"{each.Name}\n{NamesOf(each.Lists)}\n{NamesOf(each.Rooms)}"));
        return Hash(string.Join('\n', lines));
    }

    private static string NamesOf(IReadOnlyCollection<string>? names) =>
        names is null ? "-" : string.Join('\t', names.Order(StringComparer.Ordinal));

    private static string Hash(string text) => text.Length == 0
        ? ""
        : Convert.ToHexString(
            System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)));

    private static void WriteLists(SlidingPass pass, List<Window> lists)
    {
        pass.Json.WriteStartObject("lists"u8);
        foreach (var list in lists)
        {
            pass.Json.WriteStartObject(list.List.Name);
            pass.Json.WriteNumber("count"u8, list.View.Count);
            pass.Json.WriteEndObject();
        }

        pass.Json.WriteEndObject();
    }

    private static List<RoomMatch> Matches(
        SlidingPass pass, UserRooms rooms, List<Window> lists, List<UpdatedRoom> changed, bool onlyChanged)
    {
        var parts = new Dictionary<string, RoomParts>(StringComparer.Ordinal);
        foreach (var each in changed)
        {
            if (rooms.Find(each.Room.RoomNid) is { } room) parts[room.RoomId] = each.Parts;
        }

        if (pass.Stream is { } stream && stream.LastAccountData > pass.Since)
        {
            foreach (var room in rooms.All.Where(room => room.AccountData > pass.Since))
            {
                parts[room.RoomId] = parts.GetValueOrDefault(room.RoomId) | RoomParts.AccountData;
            }
        }

        var looksAtAll = !onlyChanged || pass.Base.IsCut || rooms.DirectChanged > pass.Since;
        var candidates = new HashSet<string>(parts.Keys, StringComparer.Ordinal);
        foreach (var list in lists)
        {
            var isSame = pass.Base.Lists.GetValueOrDefault(list.List.Name).Version == list.Version;
            if (looksAtAll || !isSame) candidates.UnionWith(list.Rooms.Select(static room => room.RoomId));
        }

        if (looksAtAll) candidates.UnionWith(pass.Request.Body.Subscriptions.Select(static each => each.RoomId));
        if (pass.Stream is null || pass.Stream.LastStrippedRooms > pass.Since)
        {
            candidates.UnionWith(rooms.All.Where(static room => room.Stripped is not null).Select(r => r.RoomId));
        }

        // A client that has a room must learn that the user left it, even if no list has it any more.
        if (pass.Changed is null || pass.Base.IsCut)
        {
            candidates.UnionWith(pass.Base.Rooms.Keys.Where(roomId => HasLeft(rooms.Find(roomId))));
        }

        var subscriptions = pass.Request.Body.Subscriptions.ToDictionary(each => each.RoomId, StringComparer.Ordinal);
        var unions = new Dictionary<(RoomConfig, RoomConfig), RoomConfig>();
        var matches = new List<RoomMatch>();
        foreach (var roomId in candidates)
        {
            if (rooms.Find(roomId) is not { } room) continue;
            RoomParts? known = pass.Changed is null ? null : parts.GetValueOrDefault(roomId);
            if (MatchOf(pass, room, lists, subscriptions.GetValueOrDefault(roomId), unions, known) is { } match)
            {
                matches.Add(match with { Parts = SinceSent(pass, match) });
            }
        }

        matches.Sort(static (a, b) => ByActivity.Order.Compare(a.Room, b.Room));
        return matches;
    }

    /// <summary>
    /// Adds what changed while no window had the room: its receipts, account data and counts may be older than the last
    /// response. Null if that is not known.
    /// </summary>
    private static RoomParts? SinceSent(SlidingPass pass, RoomMatch match)
    {
        var room = match.Room;
        if (match.Parts is not { } parts || room.Nid is not { } nid) return match.Parts;
        if (!pass.Base.Rooms.TryGetValue(room.RoomId, out var sent)) return parts;
        var isJoined = room.Membership == Membership.Join;
        var counted = Older(sent.Counted, isJoined && pass.IsUnstable);
        var receipts = Older(sent.Receipts, isJoined && Asks(pass, match, ReceiptsExtension.UsualName));
        var data = Older(sent.AccountData, Asks(pass, match, AccountDataExtension.UsualName));
        var oldest = Math.Min(counted, Math.Min(receipts, data));
        if (oldest == long.MaxValue) return parts;
        if (!pass.Stream!.TryLastOf(nid, oldest, out var last)) return null;
        if (Math.Max(last.Receipts, last.OwnReceipts) > receipts) parts |= RoomParts.Receipts;
        if (last.OwnReceipts > counted) parts |= RoomParts.OwnReceipts;
        if (last.AccountData > data) parts |= RoomParts.AccountData;
        return parts;

        // What was never sent, or in the last response, is not older. What this response does not renew stays unknown.
        long Older(long position, bool isRenewed) =>
            !isRenewed || position == 0 || position >= pass.Since ? long.MaxValue : position;
    }

    /// <summary>Whether the request has an extension for a room.</summary>
    private static bool Asks(SlidingPass pass, RoomMatch match, string extension) =>
        pass.Request.Body.Extensions.FirstOrDefault(each => each.Name == extension) is { IsEnabled: true } request
        && ExtensionRooms.AppliesTo(match, request);

    private static bool HasLeft(RoomEntry? room) => room is { Membership: Membership.Leave or Membership.Ban };

    private static RoomMatch? MatchOf(
        SlidingPass pass,
        RoomEntry room,
        List<Window> lists,
        SlidingSubscription? subscription,
        Dictionary<(RoomConfig, RoomConfig), RoomConfig> unions,
        RoomParts? parts)
    {
        var config = room.IsForgotten ? null : subscription?.Config;
        var names = new List<string>();
        foreach (var list in lists)
        {
            if (!list.Has(room)) continue;
            names.Add(list.List.Name);
            config = config is null ? list.List.Config : UnionOf(config, list.List.Config);
        }

        if (config is null && HasLeft(room) && pass.Base.Rooms.TryGetValue(room.RoomId, out var sent)
            && sent.Membership is not (Membership.Leave or Membership.Ban))
        {
            config = new RoomConfig(sent.TimelineLimit, sent.RequiredState);
        }

        return config is null ? null : new RoomMatch(room, config, names, subscription is not null, parts);

        // Many rooms are in the same lists.
        RoomConfig UnionOf(RoomConfig first, RoomConfig second)
        {
            if (unions.TryGetValue((first, second), out var known)) return known;
            return unions[(first, second)] = RoomConfig.Union(first, second);
        }
    }

    /// <summary>The rooms of a list that the client asks for.</summary>
    private sealed class Window
    {
        private readonly bool _isWhole;
        private readonly IReadOnlyList<(int First, int Last)> _ranges;
        private List<RoomEntry>? _rooms;
        private HashSet<string>? _ids;

        public Window(SlidingList list, RoomListView view)
        {
            List = list;
            View = view;
            _ranges = list.Ranges;
            _isWhole = view.IsWhole(_ranges);
        }

        public SlidingList List { get; }

        public RoomListView View { get; }

        public long Version => View.VersionIn(_ranges);

        public List<RoomEntry> Rooms => _rooms ??= View.In(_ranges);

        public bool Has(RoomEntry room)
        {
            if (_isWhole) return View.Contains(room);
            _ids ??= Rooms.Select(static each => each.RoomId).ToHashSet(StringComparer.Ordinal);
            return _ids.Contains(room.RoomId);
        }
    }
}
