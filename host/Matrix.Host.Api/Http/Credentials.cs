using Matrix.Host.Users.Sessions;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>
/// What a request shows of who calls. It is kept apart from the request, so that the caller can be judged again while
/// the request waits.
/// </summary>
/// <param name="Target">The path and query as sent.</param>
/// <param name="Token">The access token, valid or not; null for none.</param>
/// <param name="Address">The client's address.</param>
/// <param name="UserAgent">The client's name for itself; null for none.</param>
internal sealed record Credentials(string Target, BearerToken? Token, string Address, string? UserAgent)
{
    internal static Credentials Of(HttpContext http, string target, string address)
    {
        var agent = http.Request.Headers.UserAgent.ToString();
        return new Credentials(
            target, PresentedToken.Of(http, target), address, agent.Length == 0 ? null : agent);
    }

    /// <summary>Leaves out the token.</summary>
    public override string ToString() => nameof(Credentials);
}
