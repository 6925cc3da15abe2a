using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Admin;

/// <summary>
/// For monitoring and balancers: `GET /health`, whether the process serves, and `GET /health/ready`, whether it should
/// get requests. They differ on a node of several that has not joined yet, is about to leave, or is cut off.
/// </summary>
internal sealed class Health(IRequestNodes? nodes = null) : IEndpoints
{
    private static readonly Answer _ok = Answer.Text("OK");
    private static readonly Answer _notReady = Answer.Text("not ready"u8.ToArray(), 503);

    // A balancer that is refused would take the server for one that is down.
    private static readonly RouteOptions _anyone = new() { Access = Access.Anyone, Rate = RateClass.None };

    public void Map(ClientRoutes routes)
    {
        var root = routes.Of(RouteOwner.Process).At("/");
        root.Get("health", Get, _anyone);
        root.Head("health", Get, _anyone);
        root.Get("health/ready", GetReady, _anyone);
        root.Head("health/ready", GetReady, _anyone);
    }

    private static ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(_ok);

    private ValueTask<Answer> GetReady(Call call, CancellationToken stop) =>
        ValueTask.FromResult(nodes?.IsReady == false ? _notReady : _ok);
}
