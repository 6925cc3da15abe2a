using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Notifications;

/// <summary>Events with the facts about their room that push conditions use.</summary>
internal static class PushEvents
{
    /// <summary>The event for push rules.</summary>
    /// <param name="stored">The event.</param>
    /// <param name="joined">The number of joined users, remote ones included.</param>
    /// <param name="state">Finds the state event of a type and state key.</param>
    /// <param name="patternSteps">The most characters that the patterns of one user's rules read.</param>
    internal static async ValueTask<PushEvent> OfAsync(
        StoredEvent stored, int joined, Func<string, string, ValueTask<StoredEvent?>> state, int patternSteps)
    {
        var levels = await state(EventTypes.PowerLevels, "");
        var create = await state(EventTypes.Create, "");
        var known = new List<AuthEvent>(2);
        if (create is not null) known.Add(create.Auth);
        if (levels is not null) known.Add(levels.Auth);
        var notifications = levels is null ? null : (Member(levels.Pdu.Content, "notifications") as Json.Object)?.Item;
        return new PushEvent(
            stored.Pdu, joined, stored.Room.Rules.PowerOf(known, stored.Pdu.Sender), notifications, patternSteps);
    }

    /// <summary>The root of the thread that the event is in; null if it is in none.</summary>
    internal static string? RootOf(StoredEvent stored) =>
        stored.Relation is { RelType: "m.thread" } relation ? relation.ParentId : null;

    /// <summary>
    /// The user's subscription to the event's thread. Users who do not use subscriptions are notified as if there were
    /// none.
    /// </summary>
    /// <param name="subscribers">Those who use them; null for an event that is in no thread.</param>
    internal static ThreadSubscription ThreadOf(IReadOnlyDictionary<string, bool>? subscribers, string userId) =>
        subscribers is null || !subscribers.TryGetValue(userId, out var isSubscribed) ? ThreadSubscription.NotInThread
        : isSubscribed ? ThreadSubscription.Subscribed
        : ThreadSubscription.Unsubscribed;

    internal static Json? Member(JsonObject of, string name) =>
        of.IndexOf(name) is var at and >= 0 ? of.Value(at) : null;
}
