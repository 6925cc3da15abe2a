using Matrix.Host.Network.Mail;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Users.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Mails what a pusher owes, some time after it came: several notifications in one mail, without those that were read
/// meanwhile. To an address that was not confirmed it sends one mail that asks for that, and nothing else.
/// </summary>
internal sealed class EmailSender(PusherName pusher, PusherServices services) : KnownPusher(pusher, services)
{
    private readonly EmailServices _email = services.Email;

    /// <inheritdoc/>
    protected override ValueTask<TurnEnd> SendAsync(PusherRow row, CancellationToken stop)
    {
        // Mail has no count of its own.
        CountChanged = false;
        return row.IsConfirmed ? DigestAsync(row, stop) : AskAsync(row, stop);
    }

    /// <summary>Asks to confirm the address, once.</summary>
    private async ValueTask<TurnEnd> AskAsync(PusherRow row, CancellationToken stop)
    {
        if (row.MailedAt == 0)
        {
            if (!_email.Confirmations.Allows(row.UserId, out _) || !_email.Confirmations.Allows(row.PushKey, out _))
            {
                return TurnEnd.Later(Now + (long)_email.Options.ConfirmationInterval.TotalMilliseconds);
            }

            var mail = EmailTemplate.Confirmation(
                row.PushKey, row.UserId, _email.Options.ServerName, Link("confirm", row), Link("unsubscribe", row));
            if (!await MailAsync(row, mail, stop).ConfigureAwait(false)) return Failed();
        }

        await RecordAsync(row, last: await LastAsync(stop).ConfigureAwait(false), isMailed: row.MailedAt == 0)
            .ConfigureAwait(false);
        return TurnEnd.Idle;
    }

    private async ValueTask<TurnEnd> DigestAsync(PusherRow row, CancellationToken stop)
    {
        var owed = await Services.Storage.Pushers.OwedAsync(Pusher.PusherId, Services.Options.MaxOwed, stop)
            .ConfigureAwait(false);
        if (owed.Count == 0) return TurnEnd.Idle;
        var due = Math.Max(
            owed[0].OwedAt + (long)_email.Options.Delay.TotalMilliseconds,
            row.MailedAt + (long)_email.Options.Interval.TotalMilliseconds);
        if (due > Now) return TurnEnd.Later(due);
        var messages = new List<MailedMessage>();
        var more = 0;
        foreach (var push in owed)
        {
            if (push.Event.IsNone) continue;
            var content = await Services.Contents.OfAsync(Pusher.UserId, push.Event, stop).ConfigureAwait(false);
            if (content is null) continue;
            if (messages.Count < _email.Options.MaxMessages) messages.Add(MessageOf(content));
            else more++;
        }

        if (messages.Count > 0)
        {
            var mail = EmailTemplate.Digest(
                row.PushKey, row.UserId, _email.Options.ServerName, messages, more, Link("unsubscribe", row));
            if (!await MailAsync(row, mail, stop).ConfigureAwait(false)) return Failed();
        }

        await RecordAsync(row, owed[^1], isMailed: messages.Count > 0).ConfigureAwait(false);
        return TurnEnd.Succeeded(hasMore: true);
    }

    private async ValueTask<OwedPush?> LastAsync(CancellationToken stop)
    {
        var owed = await Services.Storage.Pushers.OwedAsync(Pusher.PusherId, Services.Options.MaxOwed, stop)
            .ConfigureAwait(false);
        return owed.Count == 0 ? null : owed[^1];
    }

    private async ValueTask<bool> MailAsync(PusherRow row, OutgoingMail mail, CancellationToken stop)
    {
        // A mail that was begun is not stopped with the queue: its outcome should be known.
        stop.ThrowIfCancellationRequested();
        try
        {
            if (await _email.Mailer.SendAsync(mail, Services.Ends).ConfigureAwait(false) is { } reason)
            {
                Services.Log.MailFailed(row, reason);
                return false;
            }
        }
        catch (OperationCanceledException) when (Services.Ends.IsCancellationRequested)
        {
            return false;
        }

        Succeeded();
        return true;
    }

    private async ValueTask RecordAsync(PusherRow row, OwedPush? last, bool isMailed)
    {
        var batch = new WriteBatch(2);
        if (last is { } sent) batch.Add(new PushSent(row.PusherId, sent.Position, sent.Event));
        if (isMailed) batch.Add(new PusherMailed(row.PusherId));
        if (batch.Changes.Count == 0) return;
        await Services.Storage.Writer.WriteAsync(batch, CancellationToken.None).ConfigureAwait(false);
    }

    private static MailedMessage MessageOf(PushedContent content) => new(
        content.RoomName ?? content.RoomAlias ?? content.Event.Room.RoomId,
        content.SenderName ?? content.Event.Pdu.Sender,
        content.Event.Pdu.Content.Text("body"),
        DateTimeOffset.FromUnixTimeMilliseconds(content.Event.OriginServerTs));

    private string Link(string page, PusherRow row) =>
        $"{_email.Options.BaseUrl.TrimEnd('/')}/_matrix/static/push/{page}"
        + $"?token={Uri.EscapeDataString(UserPushers.TokenOf(row))}";
}
