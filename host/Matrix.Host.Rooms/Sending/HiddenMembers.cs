using Matrix.Core.Event;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Lanes;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Finds the local members who may not see a new event. All see what was sent on the current state; an event of a
/// branch on which a member is not joined may be hidden from them. v1.19 client-server-api#room-history-visibility
/// </summary>
internal sealed class HiddenMembers(LaneState state)
{
    private static readonly IReadOnlySet<string> _nobody = new HashSet<string>();

    /// <summary>The local members after the event who may not see it.</summary>
    internal async ValueTask<IReadOnlySet<string>> OfAsync(
        LaneSession session, DecidedEvent decided, CancellationToken stop)
    {
        if (decided is not { StateBefore: { } before, StateAfter: { } after }
            || StateTree.AreSame(before, decided.CurrentStateBefore))
        {
            return _nobody;
        }

        var setting = await SettingAsync(session, before, stop);
        if (setting is not ("invited" or "joined")) return _nobody;
        var became = await SettingAsync(session, after, stop);
        HashSet<string>? hidden = null;
        foreach (var userId in session.Pending.Local.Joined)
        {
            // Mostly, they joined before the branches parted.
            var member = before.Find(EventTypes.Member, userId);
            if (member?.Equals(decided.CurrentStateAfter.Find(EventTypes.Member, userId)) == true) continue;

            var facts = new VisibilityFacts(
                setting,
                became,
                await MembershipAsync(session, before, userId, stop),
                await MembershipAsync(session, after, userId, stop),
                joinedLater: true);
            if (!HistoryVisibility.MaySee(facts)) (hidden ??= []).Add(userId);
        }

        return hidden ?? _nobody;
    }

    private async ValueTask<string?> SettingAsync(LaneSession session, StateTree at, CancellationToken stop) =>
        await state.EventAsync(session, at, EventTypes.HistoryVisibility, "", stop) is { } stored
            ? HistoryVisibility.SettingOf(stored.Pdu.Content)
            : null;

    private async ValueTask<string?> MembershipAsync(
        LaneSession session, StateTree at, string userId, CancellationToken stop) =>
        await state.EventAsync(session, at, EventTypes.Member, userId, stop) is { } stored
            ? HistoryVisibility.MembershipOf(stored.Pdu.Content)
            : null;
}
