using Matrix.Host.Api.Http;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client;

/// <summary>Where the passwords of requests come from.</summary>
internal static class CallAttempts
{
    /// <summary>An attempt by a request.</summary>
    internal static PasswordAttempt Attempt(this Call call) => new(call.Address, call.CallerIfAny?.UserId);
}
