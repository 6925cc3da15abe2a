using Matrix.Host.Outbound.Federation;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Federating;

/// <summary>New attempts to reach other servers, for administrators. Each is in the audit log.</summary>
internal sealed class DestinationRetries(FederationOutbound outbound, AuditLog audit)
{
    /// <summary>
    /// Tries a server again that did not answer. Returns why the attempt failed, "" if it succeeded; null if no attempt
    /// was waiting.
    /// </summary>
    internal async ValueTask<string?> RetryAsync(AdminActor actor, string server, CancellationToken stop)
    {
        var failure = await outbound.RetryAsync(server, stop);
        if (failure is not null)
        {
            await audit.RecordAsync(actor, "federation.retry", server, failure.Length == 0 ? null : failure);
        }

        return failure;
    }
}
