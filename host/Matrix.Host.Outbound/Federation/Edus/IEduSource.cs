namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// EDUs of one kind that wait for other servers. A destination asks its sources when it builds a transaction, one
/// transaction at a time. A source is never asked about a server unless it called <see cref="IEduDestinations.Notify"/>
/// for it, or events are owed to that server. Thread-safe.
/// </summary>
internal interface IEduSource
{
    /// <summary>Whether its EDUs have no meaning later: they are not sent again after a failure.</summary>
    bool IsTransient => false;

    /// <summary>Called once, before anything else. The source notifies these destinations.</summary>
    void Attach(IEduDestinations destinations);

    /// <summary>
    /// Reads which servers durable EDUs wait for, and notifies them. Called whenever servers are sent to from here that
    /// were not before, and again if it throws.
    /// </summary>
    /// <param name="maySendTo">Whether a server is one of these, and the configuration allows it.</param>
    ValueTask LoadAsync(Func<string, bool> maySendTo, CancellationToken stop) => ValueTask.CompletedTask;

    /// <summary>Forgets what waits for servers: another node sends to them.</summary>
    void Drop(Func<string, bool> isOf)
    {
    }

    /// <summary>Works until it is stopped. Called after loading, and again if it throws.</summary>
    Task RunAsync(CancellationToken stop) => Task.CompletedTask;

    /// <summary>
    /// Whether EDUs wait for a server. Read from memory, under the lock of the destination. Once EDUs were added it is
    /// true before the source notifies.
    /// </summary>
    bool HasFor(string server);

    /// <summary>
    /// The oldest EDUs that wait for a server, at most this many. They stay until they are removed: a repeated call
    /// returns them again. EDUs about a room or user that the server shares no more are dropped.
    /// </summary>
    /// <param name="server">The server.</param>
    /// <param name="most">The most EDUs.</param>
    /// <param name="deferred">EDUs of this source that the destination has deferred: they are not returned.</param>
    ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(
        string server, int most, IReadOnlyList<OutboundEdu> deferred, CancellationToken stop);

    /// <summary>
    /// Whether an EDU is still for a server. Asked before one is sent that was deferred, which may be long after it
    /// was returned. If it is not, the next call of <see cref="NextAsync"/> drops it or what of it is not.
    /// </summary>
    ValueTask<bool> IsStillForAsync(string server, OutboundEdu edu, CancellationToken stop) =>
        ValueTask.FromResult(true);

    /// <summary>
    /// The server took these EDUs, or refused them for good. They are not returned again. May not wait: a durable
    /// source posts its change.
    /// </summary>
    /// <param name="server">The server.</param>
    /// <param name="edus">The EDUs, in the order in which they were returned.</param>
    /// <param name="deferred">EDUs of this source that are deferred: the server has not got these.</param>
    void Remove(string server, IReadOnlyList<OutboundEdu> edus, IReadOnlyList<OutboundEdu> deferred);

    /// <summary>A transaction to the server failed. The source keeps only what is worth a later attempt.</summary>
    /// <param name="server">The server.</param>
    /// <param name="repeated">EDUs of this source in the transaction, if that is sent again.</param>
    void Failed(string server, IReadOnlyList<OutboundEdu> repeated)
    {
    }
}

/// <summary>
/// An EDU for one server. Sources derive types with the data by which they remove it.
/// </summary>
/// <param name="Json">The EDU, `content` and `edu_type`, as canonical JSON without floats: it is signed.</param>
internal record OutboundEdu(ReadOnlyMemory<byte> Json)
{
    /// <summary>Identifies it among the EDUs of its source for its server, also when it is read again.</summary>
    internal virtual object Key => this;
}

/// <summary>The destinations as sources of EDUs use them. They are called without a lock of the source.</summary>
internal interface IEduDestinations
{
    /// <summary>Whether a server is sent to from here. Of others nothing is kept.</summary>
    bool IsHere(string server);

    /// <summary>EDUs wait for a server. It gets a turn; if it does not answer, after its pause.</summary>
    void Notify(string server);

    /// <summary>Whether a server did not answer, and the pause before the next attempt is not over.</summary>
    bool IsFailing(string server);
}
