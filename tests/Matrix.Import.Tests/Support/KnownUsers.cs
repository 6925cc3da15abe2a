using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Import.Runs;

namespace Matrix.Import.Tests.Support;

/// <summary>
/// Users with devices, in place of the parts that carry accounts. A device is named `user/DEVICE`, and its token is
/// that name.
/// </summary>
internal sealed class KnownUsers(params string[] devices) : IImportPart
{
    public string Name => "known-users";

    public string Title => "users";

    public IReadOnlyList<string> Tables => [];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) => Task.FromResult(0L);

    public Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        foreach (var user in devices.Select(static name => name.Split('/')[0]).Distinct())
        {
            progress.Add(new UserCreated($"@{user}:{context.ServerName}", UserKind.User, null, IsAdmin: false));
        }

        foreach (var name in devices)
        {
            var (user, device) = ($"@{name.Split('/')[0]}:{context.ServerName}", name.Split('/')[1]);
            progress.Add(new DeviceAdded(user, device, null));
            progress.Add(new TokensIssued(
                user, device, SHA256.HashData(Encoding.UTF8.GetBytes(name)), null, null, null));
        }

        return Task.CompletedTask;
    }
}
