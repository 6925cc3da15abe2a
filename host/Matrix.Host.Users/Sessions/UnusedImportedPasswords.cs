using System.Globalization;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Tables.Accounts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.Sessions;

/// <summary>
/// Says at the start how many passwords still have the hash that Synapse made, and tells the hasher their cost, so that
/// a wrong password takes the same time for all users.
/// </summary>
public sealed partial class UnusedImportedPasswords(
    IAccountsTable accountsTable, PasswordHasher hasher, ILogger<UnusedImportedPasswords> log) : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var (usable, tooCostly, greatest) = (0L, 0L, 0);
        foreach (var row in await accountsTable.ImportedPasswordsAsync(cancellationToken))
        {
            if (!int.TryParse(row.Cost, NumberStyles.None, CultureInfo.InvariantCulture, out var cost)
                || cost > ImportedPasswords.MostCost)
            {
                tooCostly += row.Users;
                continue;
            }

            usable += row.Users;
            greatest = Math.Max(greatest, cost);
        }

        hasher.ExpectImported(greatest);
        if (usable > 0) Unused(usable);
        if (tooCostly > 0) TooCostly(tooCostly, ImportedPasswords.MostCost);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Users} passwords from Synapse have not been used here yet. passwords.imported_pepper must stay as "
            + "it is until they have.")]
    private partial void Unused(long users);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Users} passwords from Synapse have a bcrypt cost over {MostCost}, which is not computed: these "
            + "users need a new password.")]
    private partial void TooCostly(long users, int mostCost);
}
