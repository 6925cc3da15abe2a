using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Accounts;

/// <summary>
/// Addresses and phone numbers of an account: always none, because this server cannot add any (`m.3pid_changes`).
/// Client-Server API, "Adding Account Administrative Contact Information".
/// </summary>
internal sealed class ContactInformation : IEndpoints
{
    private static readonly Answer _none = Answer.Bytes("""{"threepids":[]}"""u8.ToArray());

    public void Map(ClientRoutes routes) => routes.Get("account/3pid", static (_, _) => ValueTask.FromResult(_none));
}
