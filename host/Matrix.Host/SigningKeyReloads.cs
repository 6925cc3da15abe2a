using Matrix.Host.Configuration;
using Matrix.Host.Crypto;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Takes the new signing key after a rotation, so that it needs no restart.</summary>
internal sealed partial class SigningKeyReloads(
    SigningKeyRing ring, HomeserverConfig config, TimeProvider clock, ILogger<SigningKeyReloads> log)
    : BackgroundService
{
    private string _problem = "";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(config.SigningKeyCheckInterval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken)) Reload();
    }

    private void Reload()
    {
        var before = ring.Keys;
        try
        {
            var read = SigningKeyFile.Read(config.SigningKeyFile);
            if (read.InUse.Id == before.InUse.Id)
            {
                // After a write that failed.
                if (read.HasOpenEnd) SigningKeyFile.Replace(config.SigningKeyFile, before);
                _problem = "";
                return;
            }

            // A file that was damaged or put there by mistake must not change who this server is.
            if (read.PublicKeyOf(before.InUse.Id) is not { } former
                || !former.Span.SequenceEqual(before.InUse.Key.PublicKey))
            {
                Keep($"the former keys lack {before.InUse.Id}, which is in use");
                return;
            }

            // The former key ends after it has signed for the last time.
            ring.Replace(read);
            var taken = read.EndedAt(clock.GetUtcNow().ToUnixTimeMilliseconds());
            ring.Replace(taken);
            SigningKeyFile.Replace(config.SigningKeyFile, taken);
            Replaced(taken.InUse.Id, before.InUse.Id);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            Keep(fault.Message);
        }
    }

    private void Keep(string problem)
    {
        if (problem == _problem) return;
        _problem = problem;
        Kept(ring.InUse.Id, problem);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The signing key is {KeyId} now, no longer {Former}.")]
    private partial void Replaced(string keyId, string former);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The signing key stays {KeyId}: {Problem}")]
    private partial void Kept(string keyId, string problem);
}
