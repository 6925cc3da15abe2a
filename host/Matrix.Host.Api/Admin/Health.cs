using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Admin;

/// <summary>`GET /health`, for monitoring and proxies.</summary>
internal sealed class Health : IEndpoints
{
    private static readonly Answer _ok = Answer.Text("OK");
    private static readonly RouteOptions _anyone = new() { Access = Access.Anyone };

    public void Map(ClientRoutes routes)
    {
        var root = routes.Of(RouteOwner.Nobody).At("/");
        root.Get("health", Get, _anyone);
        root.Head("health", Get, _anyone);
    }

    private static ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(_ok);
}
