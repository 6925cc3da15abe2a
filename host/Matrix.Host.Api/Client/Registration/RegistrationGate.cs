using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Api.Client.Registration;

/// <summary>Who may register: by configuration, and the first user by a token that the server's owner is shown.</summary>
public sealed class RegistrationGate(IStorage storage, ClientOptions options, TimeProvider clock)
{
    private const int TokenLetters = 24;
    private const string TokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>
    /// The token by which the first user, an administrator, registers; made if there is none. Null once there are users.
    /// </summary>
    public async ValueTask<string?> FirstUserTokenAsync(CancellationToken stop)
    {
        if (await storage.Accounts.AnyUserAsync(stop).ConfigureAwait(false)) return null;
        if (await OutstandingAsync(stop).ConfigureAwait(false) is { } made) return made;

        var token = SecretBytes.RandomText(TokenLetters, TokenAlphabet);
        var put = new PutRegistrationToken(token, UsesAllowed: 1, ExpiresAt: null, MakesAdmin: true);
        await storage.Writer.WriteAsync(new WriteSet(1).Add(put), stop).ConfigureAwait(false);
        return token;
    }

    /// <summary>The ways to register; none if registration is closed.</summary>
    internal async ValueTask<IReadOnlyList<AuthFlow>> FlowsAsync(CancellationToken stop)
    {
        var byToken = new AuthFlow(AuthStage.RegistrationToken);
        if (options is { RegistrationEnabled: true, RegistrationRequiresToken: true }) return [byToken];

        var first = await OutstandingAsync(stop).ConfigureAwait(false) is not null;
        return (options.RegistrationEnabled, first) switch
        {
            (true, true) => [new AuthFlow(AuthStage.Dummy), byToken],
            (true, false) => [new AuthFlow(AuthStage.Dummy)],
            (false, true) => [byToken],
            (false, false) => [],
        };
    }

    private async ValueTask<string?> OutstandingAsync(CancellationToken stop)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var tokens = await storage.Accounts.RegistrationTokensAsync(stop).ConfigureAwait(false);
        return tokens.FirstOrDefault(t => t.MakesAdmin && t.IsValidAt(now))?.Token;
    }
}
