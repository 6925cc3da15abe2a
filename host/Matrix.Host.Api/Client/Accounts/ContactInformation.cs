using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Accounts;

/// <summary>
/// Addresses and numbers of an account. None can be added on this server (`m.3pid_changes` says so), so there are none.
/// Client-Server API, "Adding Account Administrative Contact Information".
/// </summary>
internal sealed class ContactInformation : IEndpoints
{
    private static readonly Answer _none = Answer.Bytes("""{"threepids":[]}"""u8.ToArray());

    public void Map(ClientRoutes routes) => routes.Get("account/3pid", static (_, _) => ValueTask.FromResult(_none));
}
