using Matrix.Core.Json;
using Matrix.Host.Rooms.Unread;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Sync.V3;

/// <summary>Writes `account_data` and `rooms` of an answer; the look has news if anything was worth writing.</summary>
internal sealed class RoomSections(RoomServices services)
{
    private readonly JoinedRooms _joined = new(services);
    private readonly InvitedRooms _invited = new(services);
    private readonly LeftRooms _left = new(services);

    /// <summary>Writes what was found.</summary>
    public async ValueTask WriteAsync(SyncTurn turn, FoundNews found, CancellationToken stop)
    {
        AccountData(turn, found.Global);
        var output = turn.Output;
        output.Open("rooms"u8);

        output.Open("join"u8);
        foreach (var room in found.Joined) turn.HasNews |= await _joined.WriteAsync(turn, room, stop).ConfigureAwait(false);
        output.Close();

        output.Open("invite"u8);
        bool isShown = found.Invited.Count > 0 && !await services.Invites.BlocksAsync(turn.Reader.UserId, stop).ConfigureAwait(false);
        foreach (var (view, invite) in isShown ? found.Invited : [])
        {
            turn.HasNews |= await _invited.WriteAsync(turn, view, invite, stop).ConfigureAwait(false);
        }

        output.Close();

        output.Open("leave"u8);
        foreach (var left in found.Left)
        {
            turn.HasNews |= await _left.WriteAsync(turn, left.Input, left.Member, left.Since, stop).ConfigureAwait(false);
        }

        output.Close();
        output.Close();
    }

    private static void AccountData(SyncTurn turn, IReadOnlyList<AccountDataRow> rows)
    {
        bool any = false;
        foreach (var row in rows)
        {
            if (!turn.Filter.AccountData.Admits(row.Type, null, false)) continue;
            if (!any) turn.Output.OpenEvents("account_data"u8);
            any = true;
            if (row.Type == PushRuleCache.Type) PushRules(turn, PushRuleCache.ContentOf(turn.Reader.UserId, row.Content));
            else turn.Output.TypedContent(row.Type, row.Content.Span);
        }

        // Whoever changed nothing has the server's rules all the same.
        if (turn.IsInitial && turn.Filter.AccountData.Admits(PushRuleCache.Type, null, false) && rows.All(row => row.Type != PushRuleCache.Type))
        {
            if (!any) turn.Output.OpenEvents("account_data"u8);
            any = true;
            PushRules(turn, PushRuleCache.DefaultContent(turn.Reader.UserId));
        }

        if (!any) return;
        turn.Output.CloseEvents();
        turn.HasNews = true;
    }

    private static void PushRules(SyncTurn turn, JsonObject content)
    {
        using var rendered = new ByteBuffer(8192);
        CanonicalJson.writeObject(rendered, content);
        turn.Output.TypedContent(PushRuleCache.Type, rendered.Written);
    }
}
