using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Rooms.Notifications;

/// <summary>
/// Evaluates push rules for a new event: once for all members with default rules, and separately for users whom the
/// event mentions, who changed their rules, or who use subscriptions to threads. v1.19 client-server-api#push-rules
/// </summary>
public sealed class PushEvaluation(ILocalUsers users, IThreadSubscribers threads, RoomsOptions options)
    : IPushEvaluation
{
    /// <summary>
    /// The <see cref="UnreadContribution.NotifyClass"/> of events that notify members with default rules.
    /// </summary>
    public const int NotifiesMost = 1;

    private static readonly HashSet<string> _nobody = [];

    /// <inheritdoc/>
    public async ValueTask<UnreadContribution> EvaluateAsync(EventInRoom happening, CancellationToken stop)
    {
        var pdu = happening.Event.Pdu;
        var push = await PushEvents.OfAsync(
            happening.Event, happening.JoinedCount, happening.StateEvent, options.PushPatternSteps);
        var subscribers = PushEvents.RootOf(happening.Event) is { } rootId
            ? await threads.OfAsync(happening.Local.Joined, happening.Event.Nid.Room, rootId, stop)
            : null;
        var evaluation = new EventEvaluation(users, happening, push, subscribers);
        foreach (string userId in happening.Local.Joined)
        {
            if (userId != pdu.Sender) await evaluation.ForAsync(userId, stop);
        }

        // An invite notifies its target, who is not a member yet. Another server evaluates it for its own users.
        if (pdu.Type == EventTypes.Member
            && pdu.StateKey is { } target
            && target != pdu.Sender
            && !happening.Local.IsJoined(target)
            && pdu.Content.Text("membership") == "invite"
            && RoomNames.ServerOf(target) == options.ServerName)
        {
            await evaluation.ForAsync(target, stop);
        }

        return evaluation.Contribution;
    }

    /// <summary>Evaluates one event for one user after the other.</summary>
    private sealed class EventEvaluation(
        ILocalUsers users,
        EventInRoom happening,
        PushEvent push,
        IReadOnlyDictionary<string, bool>? subscribers)
    {
        private readonly Pdu _pdu = happening.Event.Pdu;
        private readonly PushOutcome _most = Ruleset.ForMost(push);
        private readonly HashSet<string> _named = Named(happening.Event.Pdu.Content);
        private List<UnreadAdded>? _rows;

        public UnreadContribution Contribution =>
            new(_most.Notifies ? NotifiesMost : 0, _rows ?? (IReadOnlyList<UnreadAdded>)[]);

        public async ValueTask ForAsync(string userId, CancellationToken stop)
        {
            // It is counted for everyone, and taken away from those who do not see it.
            if (happening.HiddenFrom.Contains(userId) || await IsNotShownAsync(userId, stop))
            {
                if (_most.Notifies) Add(userId, UnreadKind.Silent);
                return;
            }

            var own = await users.PushRulesAsync(userId, stop);
            var thread = PushEvents.ThreadOf(subscribers, userId);
            var isOneOfMost =
                own is null && !_most.Highlights && !_named.Contains(userId) && _pdu.StateKey != userId;
            if (isOneOfMost && thread == ThreadSubscription.NotInThread) return;
            string? displayName = own is null ? null : await DisplayNameAsync(happening, userId);
            var outcome = isOneOfMost
                ? Ruleset.ForMost(push, thread)
                : (own ?? Ruleset.Default(userId)).Evaluate(push, displayName, thread);
            var kind = outcome.Highlights ? UnreadKind.Highlight : UnreadKind.None;
            if (outcome.Notifies && !_most.Notifies) kind |= UnreadKind.Notify;
            if (!outcome.Notifies && _most.Notifies) kind |= UnreadKind.Silent;
            if (kind != UnreadKind.None) Add(userId, kind);
        }

        // Messages and invites of users whom they ignore are not sent to clients, nor invites that they block.
        private async ValueTask<bool> IsNotShownAsync(string userId, CancellationToken stop)
        {
            var isInvite = _pdu.StateKey == userId && !happening.Local.IsJoined(userId);
            if (_pdu.IsState && !isInvite) return false;
            return (await users.IgnoredByAsync(userId, stop)).Contains(_pdu.Sender)
                || (isInvite && await users.BlocksInvitesAsync(userId, stop));
        }

        private void Add(string userId, UnreadKind kind) =>
            (_rows ??= []).Add(new UnreadAdded(userId, happening.Event.Nid, happening.Event.Row.ThreadRoot, kind));
    }

    /// <summary>The users whom an event mentions. v1.19 client-server-api#user-and-room-mentions</summary>
    private static HashSet<string> Named(JsonObject content)
    {
        if (PushEvents.Member(content, "m.mentions") is not Json.Object mentions
            || PushEvents.Member(mentions.Item, "user_ids") is not Json.Array users)
        {
            return _nobody;
        }

        var named = new HashSet<string>(StringComparer.Ordinal);
        foreach (var user in users.Item)
        {
            if (user is Json.String id) named.Add(id.Item);
        }

        return named;
    }

    private static async ValueTask<string?> DisplayNameAsync(EventInRoom happening, string userId) =>
        (await happening.StateEvent(EventTypes.Member, userId))?.Pdu.Content.Text("displayname");
}
