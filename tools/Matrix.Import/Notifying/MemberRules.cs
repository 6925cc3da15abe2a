using Matrix.Core.Event;
using Matrix.Core.Push;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.PushRules;
using Matrix.Import.Runs;

namespace Matrix.Import.Notifying;

/// <summary>What decides for a member whose notifications are not those of most users.</summary>
/// <param name="Own">The rules that the user changed; null for the server's.</param>
/// <param name="Ignored">The users whom the user ignores.</param>
/// <param name="UsesThreads">Whether the user subscribes to threads.</param>
/// <param name="DisplayName">The user's name in the room.</param>
internal sealed record MemberRules(
    Ruleset? Own, IReadOnlySet<string> Ignored, bool UsesThreads, string? DisplayName);

/// <summary>Reads and evaluates the rules of members, from what was carried of their account data.</summary>
internal sealed class RulesOfMembers
{
    private readonly ImportContext _context;
    private readonly PushRuleCache _rules;
    private readonly IgnoredUsers _ignored;
    private readonly ThreadSubscribers _threads;

    public RulesOfMembers(ImportContext context)
    {
        _context = context;
        _rules = new PushRuleCache(context.Target.AccountData, 16 << 20);
        _ignored = new IgnoredUsers(context.Target.AccountData, 4 << 20);
        _threads = new ThreadSubscribers(
            context.Target.ThreadSubscriptions,
            new Host.Rooms.RoomsOptions { ServerName = context.ServerName });
    }

    /// <summary>Finds the members for whom something else decides than for most.</summary>
    public async ValueTask<IReadOnlyList<MemberUnread>> FindAsync(
        RoomIdentity room, IReadOnlyList<MemberUnread> members, CancellationToken stop)
    {
        var users = members.Select(static member => member.UserId).ToArray();
        var usesThreads = await _threads.OfAsync(users, room.Nid, "", stop);
        var found = new List<MemberUnread>();
        foreach (var member in members)
        {
            var own = await _rules.OfAsync(member.UserId, stop);
            var ignored = await _ignored.OfAsync(member.UserId, stop);
            var subscribes = usesThreads.ContainsKey(member.UserId);
            if (own is null && ignored.Count == 0 && !subscribes) continue;
            member.Rules = new MemberRules(own, ignored, subscribes, DisplayName: null);
            found.Add(member);
        }

        foreach (var some in found.Chunk(200))
        {
            var events = await _context.Target.Events.FindManyAsync(
                [.. some.Select(static member => member.MemberEvent)], stop);
            var names = events.ToDictionary(
                static row => row.Nid, row => new StoredEvent(room, row).Pdu.Content.Text("displayname"));
            foreach (var member in some)
            {
                member.Rules = member.Rules! with { DisplayName = names.GetValueOrDefault(member.MemberEvent) };
            }
        }

        return found;
    }

    /// <summary>Whether an event notifies a member.</summary>
    /// <param name="rules">The member's.</param>
    /// <param name="userId">The member.</param>
    /// <param name="stored">The event.</param>
    /// <param name="push">The same for push rules.</param>
    public async ValueTask<bool> NotifiesAsync(
        MemberRules rules, string userId, StoredEvent stored, PushEvent push, CancellationToken stop)
    {
        if (!stored.Pdu.IsState && rules.Ignored.Contains(stored.Pdu.Sender)) return false;
        var thread = ThreadSubscription.NotInThread;
        if (rules.UsesThreads && stored.Relation is { RelType: "m.thread" } relation)
        {
            var subscribed = await _threads.OfAsync([userId], stored.Nid.Room, relation.ParentId, stop);
            thread = subscribed.GetValueOrDefault(userId)
                ? ThreadSubscription.Subscribed
                : ThreadSubscription.Unsubscribed;
        }

        return (rules.Own ?? Ruleset.Default(userId)).Evaluate(push, rules.DisplayName, thread).Notifies;
    }
}
