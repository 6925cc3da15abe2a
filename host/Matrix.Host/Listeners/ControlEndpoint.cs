using System.Text;
using Matrix.Host.Media.Operators;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Rooms.Notices;
using Matrix.Host.Users;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Listeners;

/// <summary>Serves the control socket, for `mx`.</summary>
internal sealed class ControlEndpoint(
    FederationOutbound outbound,
    ServerNotices notices,
    MediaOperations media,
    AccountModeration accounts,
    AuditLog audit)
{
    /// <summary>`POST /federation/retry/{serverName}`: tries a server again that did not answer.</summary>
    private const string Retry = "/federation/retry/";

    /// <summary>
    /// `POST /notices/{userId}`: sends a notice, whose text is the body; `?pin` makes it the active one.
    /// </summary>
    private const string Notice = "/notices/";

    /// <summary>
    /// `POST /media/delete`, `/media/quarantine`, `/media/release`: the body is a URI. `/media/delete-of-user`: the
    /// body is a user's id.
    /// </summary>
    private const string Media = "/media/";

    /// <summary>
    /// `POST /users/lock`, `/users/unlock`, `/users/suspend`, `/users/unsuspend`: the body is a user's id.
    /// </summary>
    private const string Users = "/users/";

    /// <summary>Who put a content in quarantine, for the record.</summary>
    private const string Operator = "mx";

    /// <summary>An event has at most this size.</summary>
    private const int MostBytes = 65_536;

    internal async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "";
        var (status, text) = !HttpMethods.IsPost(http.Request.Method) ? _unknown
            : path.StartsWith(Retry, StringComparison.Ordinal)
                ? await RetryAsync(path[Retry.Length..], http.RequestAborted).ConfigureAwait(false)
            : path.StartsWith(Notice, StringComparison.Ordinal)
                ? await NoticeAsync(http, path[Notice.Length..]).ConfigureAwait(false)
            : path.StartsWith(Media, StringComparison.Ordinal)
                ? await MediaAsync(http.Request, path[Media.Length..], http.RequestAborted).ConfigureAwait(false)
            : path.StartsWith(Users, StringComparison.Ordinal)
                ? await UsersAsync(http.Request, path[Users.Length..], http.RequestAborted).ConfigureAwait(false)
            : _unknown;
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        await http.Response.WriteAsync(text).ConfigureAwait(false);
    }

    private static readonly (int Status, string Text) _unknown = (
        StatusCodes.Status404NotFound, "the server does not know this command");

    private async ValueTask<(int Status, string Text)> RetryAsync(string server, CancellationToken stop)
    {
        var (status, text) = await outbound.RetryAsync(server, stop).ConfigureAwait(false) switch
        {
            null => (StatusCodes.Status409Conflict, $"no attempt to reach {server} is waiting"),
            "" => (StatusCodes.Status200OK, $"{server} answers"),
            var failure => (StatusCodes.Status409Conflict, $"{server} was tried: {failure}"),
        };
        await RecordAsync("federation.retry", server, status == StatusCodes.Status200OK, text)
            .ConfigureAwait(false);
        return (status, text);
    }

    private async ValueTask<(int Status, string Text)> NoticeAsync(HttpContext http, string userId)
    {
        var stop = http.RequestAborted;
        if (await ReadAsync(http.Request, stop).ConfigureAwait(false) is not { } text)
        {
            return (StatusCodes.Status413PayloadTooLarge, $"a notice has at most {MostBytes} bytes");
        }

        var isActive = http.Request.Query.ContainsKey("pin");
        var sent = await notices.SendAsync(userId, text, isActive, stop).ConfigureAwait(false);
        await RecordAsync("notice.send", userId, sent.IsOk, sent.Failure?.Message).ConfigureAwait(false);
        return sent.IsOk
            ? (StatusCodes.Status200OK, $"sent {sent.Value}")
            : (StatusCodes.Status409Conflict, sent.Failure.Message);
    }

    private async ValueTask<(int Status, string Text)> MediaAsync(
        HttpRequest request, string command, CancellationToken stop)
    {
        var subject = await ReadAsync(request, stop).ConfigureAwait(false) ?? "";
        MediaOutcome? outcome = command switch
        {
            "delete" => await media.DeleteAsync(subject, stop).ConfigureAwait(false),
            "delete-of-user" => await media.DeleteOfUserAsync(subject, stop).ConfigureAwait(false),
            "quarantine" => await media.QuarantineAsync(subject, Operator, stop).ConfigureAwait(false),
            "release" => await media.ReleaseAsync(subject, stop).ConfigureAwait(false),
            _ => null,
        };
        if (outcome is { } done)
        {
            await RecordAsync($"media.{command}", subject, done.IsDone, done.Text).ConfigureAwait(false);
        }

        return outcome is not { } said ? _unknown
            : (said.IsDone ? StatusCodes.Status200OK : StatusCodes.Status409Conflict, said.Text);
    }

    private async ValueTask<(int Status, string Text)> UsersAsync(
        HttpRequest request, string command, CancellationToken stop)
    {
        var userId = await ReadAsync(request, stop).ConfigureAwait(false) ?? "";
        Task<UserFailure?>? changing = command switch
        {
            "lock" => accounts.LockAsync(AdminActor.Operator, userId, isLocked: true, stop).AsTask(),
            "unlock" => accounts.LockAsync(AdminActor.Operator, userId, isLocked: false, stop).AsTask(),
            "suspend" => accounts.SuspendAsync(AdminActor.Operator, userId, isSuspended: true, stop).AsTask(),
            "unsuspend" => accounts.SuspendAsync(AdminActor.Operator, userId, isSuspended: false, stop).AsTask(),
            _ => null,
        };
        if (changing is null) return _unknown;
        return await changing.ConfigureAwait(false) is { } failure
            ? (StatusCodes.Status409Conflict, failure.Message)
            : (StatusCodes.Status200OK, $"{userId}: {command}");
    }

    private ValueTask RecordAsync(string action, string target, bool isDone, string? text) =>
        audit.RecordAsync(AdminActor.Operator, action, target, isDone ? null : text ?? "failed");

    /// <summary>The body; null if it is too large.</summary>
    private static async ValueTask<string?> ReadAsync(HttpRequest request, CancellationToken stop)
    {
        var bytes = new byte[MostBytes + 1];
        var length = await request.Body.ReadAtLeastAsync(
            bytes, bytes.Length, throwOnEndOfStream: false, stop).ConfigureAwait(false);
        return length > MostBytes ? null : Encoding.UTF8.GetString(bytes, 0, length);
    }
}
