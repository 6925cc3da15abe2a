using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Soak;

/// <summary>What must hold when all servers are well and had time to exchange what they have.</summary>
internal sealed class Checks(
    Records records, IReadOnlyList<SoakRoom> rooms, IReadOnlyList<SyncingUser> observers,
    IReadOnlyList<SoakUser> guests)
{
    private readonly List<(SoakRoom Room, IReadOnlyList<SoakUser> Users)> _unmerged = [];
    private readonly List<(SoakUser Guest, SoakRoom Room)> _outside = [];

    /// <summary>
    /// The rooms whose servers had different states at the last check, of version 1, or in memberships only. With them,
    /// joined users of each server: an event of one server does not name another one's forward extremities. A server
    /// keeps a forward extremity that history names while the current state would be another one without it, until an
    /// event merges it (decision 0050): state resolution may prefer an ancestor's value to a descendant's. In later
    /// versions it does so where a user was kicked, came back, and then joins needed an invite.
    /// </summary>
    internal IReadOnlyList<(SoakRoom Room, IReadOnlyList<SoakUser> Users)> Unmerged => _unmerged;

    /// <summary>
    /// The guests who were joined for other servers at the last check, and not for their own, which has no joined user
    /// in the room: a later resolution of the others, which that server did not get any more, let such a guest in. It
    /// gets the room's events when the guest joins again.
    /// </summary>
    internal IReadOnlyList<(SoakUser Guest, SoakRoom Room)> Outside => _outside;

    /// <summary>What does not hold, a line each.</summary>
    internal async Task<IReadOnlyList<string>> ProblemsAsync()
    {
        var problems = new List<string>();
        _unmerged.Clear();
        _outside.Clear();
        foreach (var room in rooms)
        {
            var users = await UsersInsideAsync(room);
            var differing = await CheckStateAsync(room, users, problems);
            if (differing.Count > 0 && (room.Version == "1" || differing.All(IsMembership)))
            {
                _unmerged.Add((room, users));
            }

            await CheckHistoryAsync(room, problems);
        }

        await CheckTimelinesAsync(problems);
        CheckMessages(problems);
        await CheckDevicesAsync(problems);
        return problems;
    }

    private static bool IsMembership(string key) => key.StartsWith("m.room.member ", StringComparison.Ordinal);

    /// <summary>
    /// The anchors, and the joined guests of servers without an anchor, whose servers know that they are joined.
    /// </summary>
    private async Task<IReadOnlyList<SoakUser>> UsersInsideAsync(SoakRoom room)
    {
        var users = room.Anchors.ToList();
        foreach (var guest in await OtherMembersAsync(room))
        {
            if (await IsJoinedAsync(guest, room)) users.Add(guest);
            else _outside.Add((guest, room));
        }

        return users;
    }

    /// <summary>The keys of the state that differ between the servers of these users.</summary>
    private static async Task<HashSet<string>> CheckStateAsync(
        SoakRoom room, IReadOnlyList<SoakUser> users, List<string> problems)
    {
        var differing = new HashSet<string>();
        var first = await StateAsync(room.Anchors[0], room);
        if (first.Count == 0) problems.Add($"state of {room.RoomId} (version {room.Version}): there is none");
        foreach (var other in users.Skip(1))
        {
            var state = await StateAsync(other, room);
            var keys = first.Keys.Union(state.Keys)
                .Where(key => first.GetValueOrDefault(key) != state.GetValueOrDefault(key)).ToList();
            differing.UnionWith(keys);
            problems.AddRange(keys.Select(key => $"state of {room.RoomId} (version {room.Version}): {key} is "
                + $"{first.GetValueOrDefault(key)} for {room.Anchors[0].Id} "
                + $"and {state.GetValueOrDefault(key)} for {other.Id}"));
        }

        return differing;
    }

    /// <summary>
    /// The joined guests of servers without an anchor in the room: these servers left it and came back.
    /// </summary>
    private async Task<IReadOnlyList<SoakUser>> OtherMembersAsync(SoakRoom room)
    {
        var members = await room.MembersAsync(room.Anchors[0]);
        return [.. guests.Where(guest => members.Contains(guest.Id)
            && room.Anchors.All(anchor => anchor.Server != guest.Server))];
    }

    /// <summary>Whether a user is joined, as their own server says.</summary>
    private static async Task<bool> IsJoinedAsync(SoakUser user, SoakRoom room) =>
        (await user.GetAsync("joined_rooms")).Is(200).Json["joined_rooms"]!.AsArray()
            .Any(each => (string)each! == room.RoomId);

    private static async Task<Dictionary<string, string>> StateAsync(SoakUser user, SoakRoom room)
    {
        var reply = await user.GetAsync($"{room.Path}/state");
        if (reply.Status != 200) return [];
        return JsonNode.Parse(reply.Text)!.AsArray().ToDictionary(
            each => $"{each!["type"]} {each["state_key"]}", each => (string)each!["event_id"]!);
    }

    /// <summary>
    /// Each server has the same events of those who can send at all times, each once, and all that it acknowledged.
    /// </summary>
    private async Task CheckHistoryAsync(SoakRoom room, List<string> problems)
    {
        var anchors = room.Anchors.Select(anchor => anchor.Id).ToHashSet();
        HashSet<string>? first = null;
        foreach (var anchor in room.Anchors)
        {
            var events = await HistoryAsync(anchor, room);
            var ids = events.Select(each => (string)each["event_id"]!).ToList();
            problems.AddRange(ids.GroupBy(id => id).Where(same => same.Count() > 1)
                .Select(same => $"{same.Key} is in {room.RoomId} {same.Count()} times for {anchor.Id}"));
            problems.AddRange(events.Where(each => each["content"]!["body"] is not null)
                .GroupBy(each => (string)each["content"]!["body"]!, each => (string)each["event_id"]!)
                .Where(same => same.Distinct().Count() > 1)
                .Select(same => $"{same.Key} was sent once, and is {string.Join(" and ", same)} for {anchor.Id}"));

            var known = ids.ToHashSet();
            problems.AddRange(records.Events.Where(sent => sent.RoomId == room.RoomId)
                .Where(sent => sent.MustReachAll || sent.Sender.Server == anchor.Server)
                .Where(sent => !known.Contains(sent.EventId))
                .Select(sent => $"{sent.EventId} of {sent.Sender.Id} is not in {room.RoomId} for {anchor.Id}"));

            // An invite of a user who was banned meanwhile is soft-failed where the ban came first.
            var comparable = events.Where(each => anchors.Contains((string)each["sender"]!))
                .Where(each => (string)each["type"]! != "m.room.member")
                .Select(each => (string)each["event_id"]!).ToHashSet();
            first ??= comparable;
            problems.AddRange(comparable.Except(first)
                .Select(id => $"{id} is in {room.RoomId} for {anchor.Id}, and not for {room.Anchors[0].Id}"));
            problems.AddRange(first.Except(comparable)
                .Select(id => $"{id} is in {room.RoomId} for {room.Anchors[0].Id}, and not for {anchor.Id}"));
        }
    }

    private static async Task<IReadOnlyList<JsonNode>> HistoryAsync(SoakUser user, SoakRoom room)
    {
        var events = new List<JsonNode>();
        for (string? token = ""; token is not null;)
        {
            var from = token == "" ? "" : $"&from={Uri.EscapeDataString(token)}";
            var page = (await user.GetAsync($"{room.Path}/messages?dir=b&limit=500{from}")).Is(200).Json;
            events.AddRange(page["chunk"]!.AsArray().Select(each => each!));
            token = (string?)page["end"];
        }

        return events;
    }

    /// <summary>
    /// Each anchor got each event by its sync, once, or finds it in what limited timelines left out.
    /// </summary>
    private async Task CheckTimelinesAsync(List<string> problems)
    {
        foreach (var observer in observers)
        {
            problems.AddRange(observer.Events.Where(each => each.Value > 1)
                .Select(each => $"{each.Key} came {each.Value} times to {observer.User.Id}"));
            await observer.FillAsync(NotSeenBy(observer).Select(sent => sent.RoomId).ToHashSet());
            problems.AddRange(NotSeenBy(observer)
                .Select(sent => $"{sent.EventId} of {sent.Sender.Id} did not come to {observer.User.Id} by sync"));
        }
    }

    /// <summary>
    /// The events that must have come by sync and did not. Of several redactions that came before their event, sync has
    /// the first.
    /// </summary>
    private IEnumerable<SentEvent> NotSeenBy(SyncingUser observer)
    {
        var joined = rooms.Where(room => room.Anchors.Contains(observer.User));
        var ids = joined.Select(room => room.RoomId).ToHashSet();
        var redacted = records.Events.Where(sent => sent.Redacts is not null && observer.Knows(sent.EventId))
            .Select(sent => sent.Redacts).ToHashSet();
        return records.Events.Where(sent => ids.Contains(sent.RoomId))
            .Where(sent => sent.MustReachAll || sent.Sender.Server == observer.User.Server)
            .Where(sent => !observer.Knows(sent.EventId) && !redacted.Contains(sent.Redacts ?? ""));
    }

    /// <summary>Each message came to its device once, and no other.</summary>
    private void CheckMessages(List<string> problems)
    {
        var sent = records.Messages.ToLookup(message => message.Receiver);
        foreach (var observer in observers)
        {
            foreach (var message in sent[observer.User.Id])
            {
                var count = observer.Messages.GetValueOrDefault(message.Mark);
                if (count != 1)
                {
                    problems.Add(
                        $"{message.Mark} of {message.Sender.Id} came to {message.Receiver}'s device {count} times");
                }
            }

            var marks = sent[observer.User.Id].Select(message => message.Mark).ToHashSet();
            problems.AddRange(observer.Messages.Keys.Where(mark => !marks.Contains(mark))
                .Select(mark => $"{mark} came to {observer.User.Id}'s device, and nobody sent it there"));
        }
    }

    /// <summary>All servers know the same devices of each user; so do the clients that followed the changes.</summary>
    private async Task CheckDevicesAsync(List<string> problems)
    {
        var truths = new ConcurrentDictionary<string, string>();
        foreach (var user in observers.Select(observer => observer.User).Concat(guests))
        {
            var truth = (await SyncingUser.KeysOfAsync(user, user.Id))!;
            truths[user.Id] = truth;
            var devices = JsonNode.Parse(truth)!["device_keys"]?.AsObject() ?? [];
            problems.AddRange(records.Devices.Where(each => each.Key.UserId == user.Id)
                .Where(each => devices.ContainsKey(each.Key.DeviceId) != each.Value)
                .Select(each => $"{each.Key.DeviceId} of {user.Id} " + (each.Value ? "is lost" : "is still there")));
            foreach (var observer in observers)
            {
                var seen = await SyncingUser.KeysOfAsync(observer.User, user.Id);
                if (seen == truth) continue;
                problems.Add($"devices of {user.Id} for {observer.User.Id}: {seen}, and not {truth}");
            }
        }

        foreach (var observer in observers)
        {
            if (!observer.KnowsAllKeys) problems.Add($"{observer.User.Id} could not query all keys");
            foreach (var room in rooms.Where(room => room.IsEncrypted && room.Anchors.Contains(observer.User)))
            {
                problems.AddRange((await room.MembersAsync(observer.User))
                    .Where(member => !observer.Keys.ContainsKey(member))
                    .Select(member => $"{observer.User.Id} was not told to query the keys of {member}"));
            }

            problems.AddRange(observer.Keys.Where(known => known.Value != truths[known.Key])
                .Select(known => $"{observer.User.Id} was not told of a change of {known.Key}: "
                    + $"{known.Value}, and not {truths[known.Key]}"));
        }
    }
}
