using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Devices;

namespace Matrix.Host.Api.Client.Login;

/// <summary>Logging out of one device, or of all. v1.19 client-server-api#legacy-login</summary>
internal sealed class LogOut(DeviceManagement devices) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        var options = new RouteOptions { Access = Access.UsersAndGuests, OpenToLocked = true };
        // v1.19 client-server-api#post_matrixclientv3logout
        routes.Of(RouteOwner.Nobody).Post("logout", OneAsync, options);
        // v1.19 client-server-api#post_matrixclientv3logoutall
        routes.Of(RouteOwner.Nobody).Post("logout/all", AllAsync, options);
    }

    private async ValueTask<Answer> OneAsync(Call call, CancellationToken stop)
    {
        // An application service without a device has nothing to log out of: its token stays.
        if (call.Caller.HasDevice || call.Caller.Service is null) await devices.LogOutAsync(call.Caller, stop);
        return Answer.Empty;
    }

    private async ValueTask<Answer> AllAsync(Call call, CancellationToken stop)
    {
        await devices.DeleteAllAsync(call.Caller.UserId, stop);
        return Answer.Empty;
    }
}
