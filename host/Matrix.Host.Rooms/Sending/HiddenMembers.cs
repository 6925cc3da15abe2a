using Matrix.Core.Room.Incoming;
using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Lanes;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Finds the local members who may not see a new event. All see what was sent on the current state; an event of a
/// branch on which a member is not joined may be hidden from them. Client-Server API, "Room History Visibility".
/// </summary>
internal sealed class HiddenMembers(LaneState state)
{
    private const string SettingType = "m.room.history_visibility";
    private const string MemberType = "m.room.member";

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

        var setting = await SettingAsync(session, before, stop).ConfigureAwait(false);
        if (setting is not ("invited" or "joined")) return _nobody;
        var became = await SettingAsync(session, after, stop).ConfigureAwait(false);
        HashSet<string>? hidden = null;
        foreach (var userId in session.Pending.Local.Joined)
        {
            // Mostly, they joined before the branches parted.
            var member = before.Find(MemberType, userId);
            if (member is not null && member.Equals(decided.CurrentStateAfter.Find(MemberType, userId))) continue;

            var facts = new VisibilityFacts(
                setting,
                became,
                await MembershipAsync(session, before, userId, stop).ConfigureAwait(false),
                await MembershipAsync(session, after, userId, stop).ConfigureAwait(false),
                joinedLater: true);
            if (!HistoryVisibility.MaySee(facts)) (hidden ??= []).Add(userId);
        }

        return hidden ?? _nobody;
    }

    private async ValueTask<string?> SettingAsync(LaneSession session, StateTree at, CancellationToken stop) =>
        await state.EventAsync(session, at, SettingType, "", stop).ConfigureAwait(false) is { } stored
            ? HistoryVisibility.SettingOf(stored.Pdu.Content)
            : null;

    private async ValueTask<string?> MembershipAsync(
        LaneSession session, StateTree at, string userId, CancellationToken stop) =>
        await state.EventAsync(session, at, MemberType, userId, stop).ConfigureAwait(false) is { } stored
            ? HistoryVisibility.MembershipOf(stored.Pdu.Content)
            : null;
}
