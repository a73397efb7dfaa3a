/** C declarations of the libvirt functions that this driver calls, one each, as in libvirt's headers. */

/** Address of an object of libvirt's, of memory that it allocated, or of a C function. */
export type Pointer = bigint;

/** An out parameter: what C stores through the pointer is found in the only element. */
export type Out<Value> = [Value];

type Koffi = typeof import('koffi');
type SharedLibrary = import('koffi').LibraryHandle;

/**
 * `later` declares what may wait for the hypervisor: koffi runs it on a thread of libuv's pool, so the event loop never blocks.
 * `now` declares what only touches this process's memory. `str!` is a string that the caller frees, which koffi does.
 */
export function declareFunctions(library: SharedLibrary) {
  const now = <Arguments extends unknown[], Result>(prototype: string) =>
    library.func(prototype) as (...values: Arguments) => Result;
  const later = <Arguments extends unknown[], Result>(prototype: string) => {
    const declared = library.func(prototype);
    return (...values: Arguments) =>
      new Promise<Result>((resolve, reject) => {
        declared.async(...values, (error: unknown, value: Result) => (error ? reject(error) : resolve(value)));
      });
  };
  return {
    virConnectOpenReadOnly: later<[string], Pointer | null>('void *virConnectOpenReadOnly(str uri)'),
    virConnectClose: later<[Pointer], number>('int virConnectClose(void *connection)'),
    virConnectIsAlive: later<[Pointer], number>('int virConnectIsAlive(void *connection)'),
    virConnectSetKeepAlive: later<[Pointer, number, number], number>(
      'int virConnectSetKeepAlive(void *connection, int interval, uint count)',
    ),
    virConnectRegisterCloseCallback: later<[Pointer, Pointer, null, null], number>(
      'int virConnectRegisterCloseCallback(void *connection, void *callback, void *opaque, void *free)',
    ),
    virConnectUnregisterCloseCallback: later<[Pointer, Pointer], number>(
      'int virConnectUnregisterCloseCallback(void *connection, void *callback)',
    ),
    virConnectGetHostname: later<[Pointer], string | null>('str! virConnectGetHostname(void *connection)'),
    virConnectGetType: later<[Pointer], string | null>('str virConnectGetType(void *connection)'),
    virConnectGetVersion: later<[Pointer, Out<number | bigint>], number>(
      'int virConnectGetVersion(void *connection, _Out_ unsigned long *version)',
    ),
    virConnectGetCapabilities: later<[Pointer], string | null>('str! virConnectGetCapabilities(void *connection)'),

    virNodeGetInfo: later<[Pointer, Buffer], number>('int virNodeGetInfo(void *connection, _Out_ uint8_t *info)'),
    virNodeGetMemoryStats: later<[Pointer, number, Buffer | null, Out<number>, number], number>(
      'int virNodeGetMemoryStats(void *connection, int cell, _Out_ uint8_t *stats, _Inout_ int *count, uint flags)',
    ),
    virNodeGetCPUStats: later<[Pointer, number, Buffer | null, Out<number>, number], number>(
      'int virNodeGetCPUStats(void *connection, int cpu, _Out_ uint8_t *stats, _Inout_ int *count, uint flags)',
    ),
    virNodeGetFreeMemory: later<[Pointer], number | bigint>(
      'unsigned long long virNodeGetFreeMemory(void *connection)',
    ),

    virStoragePoolLookupByName: later<[Pointer, string], Pointer | null>(
      'void *virStoragePoolLookupByName(void *connection, str name)',
    ),
    virStoragePoolGetInfo: later<[Pointer, Buffer], number>(
      'int virStoragePoolGetInfo(void *pool, _Out_ uint8_t *info)',
    ),
    virStoragePoolFree: now<[Pointer], number>('int virStoragePoolFree(void *pool)'),

    virConnectGetAllDomainStats: later<[Pointer, number, Out<Pointer | null>, number], number>(
      'int virConnectGetAllDomainStats(void *connection, uint stats, _Out_ void **records, uint flags)',
    ),
    virDomainListGetStats: later<[BigUint64Array, number, Out<Pointer | null>, number], number>(
      'int virDomainListGetStats(void *domains, uint stats, _Out_ void **records, uint flags)',
    ),
    virDomainStatsRecordListFree: now<[Pointer], void>('void virDomainStatsRecordListFree(void *records)'),
    virConnectListAllDomains: later<[Pointer, Out<Pointer | null>, number], number>(
      'int virConnectListAllDomains(void *connection, _Out_ void **domains, uint flags)',
    ),
    virDomainLookupByUUIDString: later<[Pointer, string], Pointer | null>(
      'void *virDomainLookupByUUIDString(void *connection, str uuid)',
    ),
    virDomainGetXMLDesc: later<[Pointer, number], string | null>('str! virDomainGetXMLDesc(void *domain, uint flags)'),
    virDomainGetInfo: later<[Pointer, Buffer], number>('int virDomainGetInfo(void *domain, _Out_ uint8_t *info)'),
    virDomainGetUUIDString: now<[Pointer, Buffer], number>(
      'int virDomainGetUUIDString(void *domain, _Out_ uint8_t *buffer)',
    ),
    virDomainGetName: now<[Pointer], string | null>('str virDomainGetName(void *domain)'),
    virDomainFree: now<[Pointer], number>('int virDomainFree(void *domain)'),
    virConnectDomainEventRegisterAny: later<[Pointer, null, number, Pointer, null, null], number>(
      'int virConnectDomainEventRegisterAny(void *connection, void *domain, int id, void *callback, void *opaque, void *free)',
    ),
    virConnectDomainEventDeregisterAny: later<[Pointer, number], number>(
      'int virConnectDomainEventDeregisterAny(void *connection, int callbackId)',
    ),

    virConnectListAllNodeDevices: later<[Pointer, Out<Pointer | null>, number], number>(
      'int virConnectListAllNodeDevices(void *connection, _Out_ void **devices, uint flags)',
    ),
    virNodeDeviceGetXMLDesc: later<[Pointer, number], string | null>(
      'str! virNodeDeviceGetXMLDesc(void *device, uint flags)',
    ),
    virNodeDeviceGetName: now<[Pointer], string | null>('str virNodeDeviceGetName(void *device)'),
    virNodeDeviceFree: now<[Pointer], number>('int virNodeDeviceFree(void *device)'),
    virConnectNodeDeviceEventRegisterAny: later<[Pointer, null, number, Pointer, null, null], number>(
      'int virConnectNodeDeviceEventRegisterAny(void *connection, void *device, int id, void *callback, void *opaque, void *free)',
    ),
    virConnectNodeDeviceEventDeregisterAny: later<[Pointer, number], number>(
      'int virConnectNodeDeviceEventDeregisterAny(void *connection, int callbackId)',
    ),

    virEventRegisterDefaultImpl: now<[], number>('int virEventRegisterDefaultImpl()'),
    virEventRunDefaultImpl: later<[], number>('int virEventRunDefaultImpl()'),
    virEventAddTimeout: now<[number, Pointer, Pointer, null], number>(
      'int virEventAddTimeout(int milliseconds, void *callback, void *opaque, void *free)',
    ),
    virEventUpdateTimeout: now<[number, number], void>('void virEventUpdateTimeout(int timer, int milliseconds)'),

    virConnGetLastError: now<[Pointer], Pointer | null>('void *virConnGetLastError(void *connection)'),
    virSetErrorFunc: now<[null, Pointer], void>('void virSetErrorFunc(void *opaque, void *handler)'),

    // Found through libvirt's own dependency on the C library.
    alarm: now<[number], number>('uint alarm(uint seconds)'),
    memcpy: now<[Buffer, Pointer, number], Pointer>('void *memcpy(_Out_ uint8_t *to, void *from, size_t bytes)'),
  };
}

/**
 * Makes C function pointers from JavaScript functions. They run on the main thread while libvirt's thread waits for them, so they must
 * be short and never throw. They live as long as the process: one that is taken away while libvirt is about to call it is a crash.
 * Callbacks of domain and node device events differ after their second argument, which is all that is read.
 */
export function declareCallbacks(koffi: Koffi) {
  const register = <Arguments extends unknown[]>(prototype: string) => {
    const type = koffi.pointer(koffi.proto(prototype));
    return (handler: (...values: Arguments) => void): Pointer => koffi.register(handler, type);
  };
  return {
    objectEvent: register<[Pointer, Pointer]>('void RtObjectEvent(void *connection, void *object)'),
    connectionClosed: register<[Pointer, number]>('void RtConnectionClosed(void *connection, int reason)'),
    errorRaised: register<[Pointer | null, Pointer]>('void RtErrorRaised(void *opaque, void *error)'),
  };
}
