using System.Globalization;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth.Account;

/// <summary>The list of the user's devices.</summary>
internal sealed class DevicesListAction(DeviceManagement devices) : IAccountAction
{
    public string Name => AccountActions.DevicesList;

    public async ValueTask<AccountView> ShowAsync(AccountVisit visit, CancellationToken stop)
    {
        var rows = await devices.ListAsync(new UserDevice(visit.User.UserId, ""), visit.Call.Address, stop);
        var items = rows.OrderByDescending(static row => row.LastSeenAt ?? row.CreatedAt).Select(row => Html.Of($"""
            <tr><td><a href="{visit.Links.To(AccountActions.DeviceView, row.DeviceId)}">
            {row.ShownName()}</a> <span class="note">{(row.GivenName() is null ? "" : row.DeviceId)}</span></td>
            <td>{DevicePieces.Day(row.LastSeenAt)}</td></tr>
            """));
        return new AccountView("Your devices", rows.Count == 0
            ? Html.Of($"<p>No device is signed in.</p>")
            : Html.Of($"""
                <table><thead><tr><th scope="col">Device</th><th scope="col">Last seen</th></tr></thead>
                <tbody>{Html.Join(items)}</tbody></table>
                """));
    }

    public ValueTask<AccountView> DoAsync(AccountVisit visit, FormReader form, CancellationToken stop) =>
        ShowAsync(visit, stop);
}

/// <summary>One device, which can be renamed.</summary>
internal sealed class DeviceViewAction(DeviceManagement devices, OAuthSessions sessions, OAuthClients clients)
    : IAccountAction
{
    private const int LongestName = 255;

    public string Name => AccountActions.DeviceView;

    public async ValueTask<AccountView> ShowAsync(AccountVisit visit, CancellationToken stop)
    {
        if (await DevicePieces.FindAsync(devices, visit, stop) is not { } device)
        {
            return DevicePieces.NoDevice(visit);
        }

        var owned = await sessions.OfUserAsync(visit.User.UserId, stop);
        var client = owned.TryGetValue(device.DeviceId, out var session)
            ? await clients.FindAsync(session.ClientId, stop)
            : null;
        return new AccountView(device.ShownName(), Html.Of($"""
            {DevicePieces.Facts(device)}
            {Application(client)}
            <form method="post" action="{visit.Links.To(AccountActions.DeviceView, device.DeviceId)}">
            {visit.Browser.Session.FormField}
            <label>Name of the device <input name="name" autocomplete="off" value="{device.DisplayName}"></label>
            <button>Rename</button>
            </form>
            <p><a class="button second" href="{visit.Links.To(AccountActions.DeviceDelete, device.DeviceId)}">
            Sign this device out</a></p>
            """));
    }

    private static Html Application(OAuthClient? client) => client is null
        ? Html.Empty
        : Html.Of($"""
            <dl><dt>Application</dt><dd>{client.ShownName}, {client.Metadata.ClientHost}
            <span class="note">(not verified)</span></dd></dl>
            """);

    public async ValueTask<AccountView> DoAsync(AccountVisit visit, FormReader form, CancellationToken stop)
    {
        var name = (form.Text("name") ?? "").Trim();
        if (name.Length > LongestName)
        {
            return (await ShowAsync(visit, stop))
                .Because($"A name has at most {LongestName} characters.", 400);
        }

        await devices.RenameAsync(new UserDevice(visit.User.UserId, visit.DeviceId), name, stop);
        return await ShowAsync(visit, stop);
    }
}

/// <summary>Signs a device out, once the user has given the password again.</summary>
internal sealed class DeviceDeleteAction(DeviceManagement devices, Reauthentication reauthentication) : IAccountAction
{
    public string Name => AccountActions.DeviceDelete;

    public async ValueTask<AccountView> ShowAsync(AccountVisit visit, CancellationToken stop)
    {
        if (await DevicePieces.FindAsync(devices, visit, stop) is not { } device)
        {
            return DevicePieces.NoDevice(visit);
        }

        return new AccountView("Sign a device out", Html.Of($"""
            <p>The device loses its access and its keys. Messages that only it can read are lost.</p>
            {DevicePieces.Facts(device)}
            <form method="post" action="{visit.Links.To(AccountActions.DeviceDelete, device.DeviceId)}">
            {visit.Browser.Session.FormField}
            {AccountPieces.PasswordField(visit)}
            <button class="danger">Sign the device out</button>
            </form>
            """));
    }

    public async ValueTask<AccountView> DoAsync(AccountVisit visit, FormReader form, CancellationToken stop)
    {
        var refusal = await reauthentication
            .RefusalAsync(visit.User, form.Text("password"), visit.Call.Address, stop);
        if (refusal is null
            && !await devices.DeleteAsync(visit.User.UserId, [visit.DeviceId], visit.User.NewCondition(), stop))
        {
            refusal = "The account has changed. Sign in again.";
        }

        return refusal is null
            ? new AccountView("The device is signed out", Html.Empty) { Done = "It has no access any more." }
            : (await ShowAsync(visit, stop)).Because(refusal);
    }
}

/// <summary>What the pages of devices share.</summary>
internal static class DevicePieces
{
    internal static ValueTask<DeviceRow?> FindAsync(
        DeviceManagement devices, AccountVisit visit, CancellationToken stop) =>
        devices.FindAsync(new UserDevice(visit.User.UserId, ""), visit.Call.Address, visit.DeviceId, stop);

    internal static AccountView NoDevice(AccountVisit visit) =>
        new AccountView("There is no such device", Html.Of($"""
            <p><a href="{visit.Links.To(AccountActions.DevicesList)}">Your devices</a></p>
            """)).Because("It may be signed out already.", 404);

    internal static Html Facts(DeviceRow device) => Html.Of($"""
        <dl>
        <dt>Name</dt><dd>{device.GivenName() ?? "none"}</dd>
        <dt>Id</dt><dd>{device.DeviceId}</dd>
        <dt>Signed in first</dt><dd>{Day(device.CreatedAt)}</dd>
        <dt>Last seen</dt><dd>{Day(device.LastSeenAt)} {device.LastSeenIp}</dd>
        </dl>
        """);

    internal static string Day(long? milliseconds) => milliseconds is { } time
        ? DateTimeOffset.FromUnixTimeMilliseconds(time).ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)
        : "never";
}
