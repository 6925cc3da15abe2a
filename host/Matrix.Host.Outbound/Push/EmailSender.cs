using Matrix.Host.Network.Mail;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
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
    private int _failures;

    private long Now => Services.Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    protected override async ValueTask<AttemptResult> SendNextAsync(CancellationToken stop)
    {
        // Mail has no count of its own.
        CountChanged = false;
        try
        {
            if (await Services.Table.FindAsync(Pusher.PusherId, stop) is not { } row)
            {
                Services.Index.Remove(Pusher.UserId, Pusher.PusherId);
                return AttemptResult.Idle;
            }

            return row.IsConfirmed
                ? await DigestAsync(row, stop)
                : await AskAsync(row, stop);
        }
        catch (StorageException)
        {
            return Failed();
        }
    }

    /// <summary>
    /// Asks to confirm the address, once. A mail that could not be sent for as long as a push is tried is given up.
    /// </summary>
    private async ValueTask<AttemptResult> AskAsync(PusherRow row, CancellationToken stop)
    {
        var asks = row.MailedAt == 0 && Now - row.SetAt <= Services.Options.PushTime.TotalMilliseconds;
        if (asks)
        {
            if (!_email.Confirmations.TryTake(row.UserId, MailAddresses.Mailbox(row.PushKey), out var notBefore))
            {
                return AttemptResult.Later(notBefore);
            }

            var mail = EmailTemplate.Confirmation(
                row.PushKey, row.UserId, _email.Options.ServerName, Link("confirm", row), Link("unsubscribe", row));
            if (!await SendAsync(row, mail, stop)) return Failed();
        }

        await RecordAsync(row, last: await LastAsync(stop), isMailed: asks);
        return AttemptResult.Idle;
    }

    private async ValueTask<AttemptResult> DigestAsync(PusherRow row, CancellationToken stop)
    {
        var pending = await Services.Table.PendingAsync(Pusher.PusherId, Services.Options.MaxPending, stop);
        if (pending.Count == 0) return AttemptResult.Idle;
        var due = Math.Max(
            pending[0].EnqueuedAt + (long)_email.Options.Delay.TotalMilliseconds,
            row.MailedAt + (long)_email.Options.Interval.TotalMilliseconds);
        if (due > Now) return AttemptResult.Later(due);
        var messages = new List<MailedMessage>();
        var more = 0;
        foreach (var push in pending)
        {
            // It could not be mailed for long.
            if (push.Event.IsNone || IsLate(push)) continue;
            var content = await Services.Contents.OfAsync(Pusher.UserId, push, stop);
            if (content is null) continue;
            if (messages.Count < _email.Options.MaxMessages) messages.Add(MessageOf(content));
            else more++;
        }

        if (messages.Count > 0)
        {
            var mail = EmailTemplate.Digest(
                row.PushKey, row.UserId, _email.Options.ServerName, messages, more, Link("unsubscribe", row));
            if (!await SendAsync(row, mail, stop)) return Failed();
        }

        await RecordAsync(row, pending[^1], isMailed: messages.Count > 0);
        return AttemptResult.Succeeded(hasMore: true);
    }

    private bool IsLate(PendingPush push) =>
        Now - push.EnqueuedAt
            - Math.Max(_email.Options.Delay.TotalMilliseconds, _email.Options.Interval.TotalMilliseconds)
            > Services.Options.PushTime.TotalMilliseconds;

    private async ValueTask<PendingPush?> LastAsync(CancellationToken stop)
    {
        var pending = await Services.Table.PendingAsync(Pusher.PusherId, Services.Options.MaxPending, stop);
        return pending.Count == 0 ? null : pending[^1];
    }

    private async ValueTask<bool> SendAsync(PusherRow row, OutgoingMail mail, CancellationToken stop)
    {
        // A mail that was begun is not stopped with the queue: its outcome should be known.
        stop.ThrowIfCancellationRequested();
        try
        {
            if (await _email.Mailer.SendAsync(mail, Ends) is { } reason)
            {
                Services.Log.MailFailed(row, reason);
                return false;
            }
        }
        catch (OperationCanceledException) when (Ends.IsCancellationRequested)
        {
            return false;
        }

        _failures = 0;
        return true;
    }

    private async ValueTask RecordAsync(PusherRow row, PendingPush? last, bool isMailed)
    {
        var batch = new WriteBatch(Authority.User(row.UserId), 2);
        if (last is { } sent) batch.Add(new PushSent(row.PusherId, sent.Position, sent.Event));
        if (isMailed) batch.Add(new PusherMailed(row.PusherId));
        if (batch.Changes.Count == 0) return;
        await Services.Writer.WriteAsync(batch, CancellationToken.None);
    }

    private static MailedMessage MessageOf(PushedContent content) => new(
        content.RoomName ?? content.RoomAlias ?? content.Event.Room.RoomId,
        content.SenderName ?? content.Event.Pdu.Sender,
        content.Event.Pdu.Content.Text("body"),
        TimeOf(content.Event));

    /// <summary>When an event was sent. Other servers choose times that no calendar has.</summary>
    private static DateTimeOffset TimeOf(StoredEvent stored) => DateTimeOffset.FromUnixTimeMilliseconds(
        Math.Clamp(stored.OriginServerTs, 0, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));

    private string Link(string page, PusherRow row) =>
        $"{_email.Options.BaseUrl.TrimEnd('/')}/_matrix/static/push/{page}"
        + $"?token={Uri.EscapeDataString(UserPushers.TokenOf(row))}";

    private AttemptResult Failed()
    {
        var pause = Math.Min(
            Services.Options.FirstPause.TotalMilliseconds * Math.Pow(2, Math.Min(_failures++, 30)),
            Services.Options.LongestPause.TotalMilliseconds);
        return AttemptResult.Later(Now + (long)pause);
    }
}
