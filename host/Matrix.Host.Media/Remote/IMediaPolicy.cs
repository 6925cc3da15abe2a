namespace Matrix.Host.Media.Remote;

/// <summary>
/// Servers whose media the operator's policy refuses. Media does not know where the policy comes from: the composition
/// root implements this.
/// </summary>
public interface IMediaPolicy
{
    /// <summary>Whether media of a server is not served, whether or not it is here.</summary>
    ValueTask<bool> RefusesAsync(string server, CancellationToken stop);
}
